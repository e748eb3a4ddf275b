disk=''
for argument in "$@"; do
    case $argument in
        --storage=*) disk=${argument#*=} ;;
    esac
done

