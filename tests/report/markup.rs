//! Tags of a page or document, read as leniently as browsers do.

/// A tag: its name, with a slash in front where it ends, and its attributes as they are written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: String,
}

/// Every tag of a text; what stands in `style` and `script` is no tag.
pub(crate) fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let end = end_of_tag(after);
        let inner = &after[..end];
        let (name, attributes) = inner.split_once(|c: char| c.is_whitespace()).unwrap_or((inner, ""));
        let name = name.to_ascii_lowercase();
        rest = &after[end..];
        if ["style", "script"].contains(&name.as_str()) {
            rest = rest.find(&format!("</{name}")).map_or("", |at| &rest[at..]);
        }
        tags.push(Tag { name, attributes: attributes.to_owned() });
    }
    tags
}

/// The place of the `>` that is in no quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    text.len()
}

/// What a reader reads: the text without tags, with the characters that were escaped.
pub(crate) fn text(markup: &str) -> String {
    let mut text = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = after.get(end_of_tag(after) + 1..).unwrap_or_default();
    }
    text.push_str(rest);
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#10;", "\n"),
        ("&#9;", "\t"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text, |text, (entity, c)| text.replace(entity, c))
}

/// What is wrong with a document as XML, as far as tags and characters go; nothing when it is sound.
pub(crate) fn flaws_of_xml(document: &str) -> Vec<String> {
    let allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let mut flaws: Vec<String> =
        document.chars().filter(|c| !allowed(*c)).map(|c| format!("{c:?} is forbidden")).collect();
    let body = document.split_once("?>").map_or(document, |(_, body)| body);
    let mut open: Vec<String> = Vec::new();
    for tag in tags(body) {
        match tag.name.strip_prefix('/') {
            Some(name) if open.last().is_some_and(|last| last == name) => drop(open.pop()),
            Some(name) => flaws.push(format!("</{name}> in {open:?}")),
            None if tag.attributes.ends_with('/') || tag.name.ends_with('/') => {}
            None => open.push(tag.name),
        }
    }
    let entities = body.split('&').skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
    let known = ["lt", "gt", "quot", "amp", "#10", "#9"];
    flaws.extend(entities.filter(|entity| !known.contains(entity)).map(|entity| format!("&{entity} is no entity")));
    flaws.extend(open.into_iter().map(|name| format!("<{name}> has no end")));
    flaws
}
