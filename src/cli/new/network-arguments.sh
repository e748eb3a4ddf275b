interface=''
for argument in "$@"; do
    case $argument in
        --interface=*) interface=${argument#*=} ;;
    esac
done

