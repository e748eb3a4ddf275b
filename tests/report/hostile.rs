//! Scripts may print anything.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use shakedown::sandbox::NodeStatus;

use crate::harness::{Machine, Script, region};
use crate::markup::{flaws_of_xml, tags};

/// Ends of everything that a page could be within, commands of terminals, what is no text.
const HOSTILE: &str = r#"printf '</pre></script></style></textarea><script>alert(1)</script><img src=x onerror=alert(1)>\n'
printf '"><svg onload=alert(1)> &lt;b&gt; ]]> --> <!-- ${x} `y` | * # [a](javascript:x)\n'
printf '\033[2J\033[31mred\033]0;title\007 \000\001\002 \377\376\300\200 \357\277\277 \342\200\256gnp\n'"#;

async fn hostile() -> Machine {
    let machine = Machine::new();
    let result = r#"printf 'status: failed\nresults: {"<script>k": "</script><script>alert(2)</script>", reason: "<b>\\u0007why"}\n' > "$RESULT_PATH""#;
    let scripts = [
        Script::testing("passes", HOSTILE),
        Script::testing("fails", format!("{HOSTILE}\n{HOSTILE} >&2\nexit 1")),
        Script::testing("tells", result),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    machine.execute(
        "UPDATE script_result SET notes = '<script>alert(3)</script>', subject = subject || ' on <i onclick=x>\"''' WHERE name = 'fails';
         UPDATE run SET outcome = '<script>', requested_by = '</title>', region = '\"><a onclick=x>', storage = '<';
         UPDATE maasserver_event SET description = '<script>alert(4)</script>', username = '<u>', node_hostname = '</title><script>';
         INSERT INTO outbox (run_id, created, label, payload, state, reason) VALUES (1, '', '<script>', '', 'refused', '</p><script>')",
    );
    machine
}

#[tokio::test]
async fn a_page_has_no_tag_and_no_handler_but_its_own() {
    let page = hostile().await.report("html").await;
    let tags = tags(&page);
    let known = "!doctype a b body circle code dd details div dl dt em footer h1 h2 h3 head header html input label li main meta nav ol option \
                 output p path pre rect script section select small span style summary svg symbol table tbody td th thead time title tr ul use";
    let known: Vec<&str> = known.split(' ').filter(|name| !name.is_empty()).collect();
    for tag in &tags {
        assert!(known.contains(&tag.name.trim_start_matches('/')), "{tag:?}");
        let handler = tag.attributes.split_whitespace().any(|word| word.to_ascii_lowercase().starts_with("on"));
        assert!(!handler && !tag.attributes.contains("javascript:"), "{tag:?}");
    }
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    assert_eq!((count("script"), count("/script"), count("style"), count("title"), count("body")), (1, 1, 1, 1, 1));
    assert_eq!(count("pre"), count("/pre"), "every block ends");
    assert!(!page.contains(['\0', '\u{1b}', '\u{7}', '\u{202e}']), "no character that nobody sees");
    assert!(page.contains("red \u{2400}\u{2401}\u{2402} \u{fffd}"), "what was printed is shown");
    for address in ["http://", "https://", "url(", "@import", "src="] {
        let own = page.replace("src=x onerror", "");
        assert!(!own.contains(address), "{address}: nothing is fetched");
    }
}

/// Whatever else got in, a browser would not heed it.
#[tokio::test]
async fn the_page_allows_its_own_style_and_script_alone() {
    let page = hostile().await.report("html").await;
    let hash = |element: &str| {
        let (_, after) = page.split_once(&format!("<{element}>")).expect("it has one");
        let content = after.split(&format!("</{element}>")).next().unwrap_or_default();
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(content))
    };
    let (style, script) = (hash("style"), hash("script"));
    let policy = format!("content=\"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}';");
    assert!(page.contains(&policy), "{policy}");
}

#[tokio::test]
async fn the_other_forms_stay_sound() {
    let machine = hostile().await;
    let junit = machine.report("junit").await;
    assert_eq!(flaws_of_xml(&junit), Vec::<String>::new(), "{junit}");
    let json = machine.report("json").await;
    let value: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(value["results"][0]["notes"], "<script>alert(3)</script>", "told as it is, for programs");
    let markdown = machine.report("markdown").await;
    let outside_blocks: String = markdown.split("```").step_by(2).collect();
    assert!(!outside_blocks.contains('<'), "{outside_blocks}");
}

#[tokio::test]
async fn fifty_megabytes_of_output_make_a_page_of_a_bounded_size() {
    let machine = Machine::new();
    let much = "i=0; while [ $i -lt 50 ]; do head -c 1000000 /dev/zero | tr '\\0' '<'; i=$((i+1)); done; echo; echo the end; exit 1";
    let lines = "yes 'a line of much output' | head -c 9000000; exit 1";
    let region = region(NodeStatus::Testing, &[Script::testing("a", much), Script::testing("b", lines)]).await;
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    for form in ["html", "json", "markdown", "junit"] {
        let report = machine.report(form).await;
        assert!(report.len() < 200_000, "{form}: {} bytes", report.len());
        assert!(report.contains("the end"), "{form} has the end");
    }
    let value: serde_json::Value = serde_json::from_str(&machine.report("json").await).expect("it is JSON");
    for result in value["results"].as_array().expect("results") {
        let output = &result["output"];
        let shown = |part: &str| output[part].as_str().map_or(0, str::len) as u64;
        let (bytes, left_out) = (output["bytes"].as_u64(), output["left_out"].as_u64());
        assert_eq!(
            bytes,
            left_out.map(|left_out| left_out + shown("head") + shown("tail")),
            "not a byte is unaccounted for"
        );
        let path = output["path"].as_str().expect("it names the whole");
        assert_eq!(std::fs::metadata(path).ok().map(|file| file.len()), bytes);
    }
    let page = machine.report("html").await;
    assert!(page.contains(" bytes are left out here; the whole is in "), "the page says so");
}

#[tokio::test]
async fn a_password_is_in_no_form() {
    let machine = Machine::new();
    let parameters = "parameters: {word: {type: password, default: correct-horse, argument_format: '--word={input}'}, \
                      size: {type: string, default: large, argument_format: '--size={input}'}}";
    let script = Script::testing("a", "[ \"$1\" = --word=correct-horse ] && echo given").field(parameters);
    let region = region(NodeStatus::Testing, &[script]).await;
    assert_eq!(machine.run(&region).end().await.code, Some(0));
    for form in ["html", "json", "markdown", "junit"] {
        assert!(!machine.report(form).await.contains("correct-horse"), "{form}");
    }
    let page = machine.report("html").await;
    assert!(page.contains("word = (hidden)") && page.contains("size = large"), "{page}");
}
