//! Tokens to a graph of nodes with their tags. Aliases are edges to a node that is there already, so that a file of aliases takes no more
//! memory than it is long, and nothing here calls itself.

use std::collections::HashMap;

use super::graph::{Content, Graph, Id, Item, MAX_DEPTH};
use super::resolve::{Tag, implicit};
use super::scan::Scanner;
use super::token::Token;
use super::{Fault, MAX_NODES};

/// Characters of a tag that are looked at.
const LONGEST_TAG: usize = 100;

/// What a collection that is open waits for.
#[derive(Clone, Copy, PartialEq)]
enum Wants {
    BlockEntry,
    /// An entry of a list that is not indented below its key.
    LevelEntry,
    BlockKey,
    BlockValue,
    FlowEntry {
        first: bool,
    },
    PairKey,
    PairValue,
    PairEnd,
    FlowKey {
        first: bool,
    },
    FlowValue,
    /// The value of a key without `:`.
    NoValue,
}

/// Where a node stands, which decides what it may be.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Block,
    BlockOrLevel,
    Flow,
}

/// What properties and context make of the next node.
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
    line: usize,
}

struct Composer<'a> {
    scanner: Scanner<'a>,
    graph: Graph,
    open: Vec<(Id, Wants)>,
    anchors: HashMap<String, Id>,
    prefixes: HashMap<String, String>,
    /// Values and aliases so far.
    count: usize,
}

/// The one document of a text; what was read before a fault is answered with it.
pub(super) fn compose(text: &[char]) -> (Graph, Result<(), Fault>) {
    let mut composer = Composer {
        scanner: Scanner::new(text),
        graph: Graph::default(),
        open: Vec::new(),
        anchors: HashMap::new(),
        prefixes: HashMap::new(),
        count: 0,
    };
    let read = composer.stream();
    let Composer { mut graph, mut scanner, .. } = composer;
    graph.poison = graph.poison.or(scanner.poison.take());
    (graph, read)
}

impl Composer<'_> {
    fn stream(&mut self) -> Result<(), Fault> {
        let is_bare =
            !matches!(self.scanner.peek()?, Token::StreamEnd | Token::DocumentStart) && !self.is_directive()?;
        if !is_bare {
            if *self.scanner.peek()? == Token::StreamEnd {
                return Ok(());
            }
            self.directives()?;
            if self.scanner.take()? != Token::DocumentStart {
                return Err(self.fault("'---' is missing before this"));
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            self.prefixes.entry(handle.to_owned()).or_insert_with(|| prefix.to_owned());
        }
        let is_empty = matches!(self.scanner.peek()?, Token::DocumentStart | Token::DocumentEnd | Token::StreamEnd);
        if !is_bare && (is_empty || self.is_directive()?) {
            self.empty()?;
        } else {
            self.node(Place::Block)?;
        }
        while let Some((_, wants)) = self.open.last().copied() {
            self.step(wants)?;
            // What is this deep is beyond the region whatever follows, and each further level costs more than the last.
            if self.open.len() > 4 * MAX_DEPTH {
                return Err(self.fault("nothing is read of what is so deep"));
            }
        }
        while *self.scanner.peek()? == Token::DocumentEnd {
            self.scanner.take()?;
        }
        match self.scanner.peek()? {
            Token::StreamEnd => Ok(()),
            _ => Err(self.fault("something stands after the end of the document, or a second document begins")),
        }
    }

    fn is_directive(&mut self) -> Result<bool, Fault> {
        Ok(matches!(self.scanner.peek()?, Token::Version(_) | Token::TagPrefix(..) | Token::Reserved))
    }

    fn directives(&mut self) -> Result<(), Fault> {
        let mut has_version = false;
        while self.is_directive()? {
            match self.scanner.take()? {
                Token::Version(1) if !has_version => has_version = true,
                Token::Version(_) => return Err(self.fault("%YAML stands there twice, or is not version 1")),
                Token::TagPrefix(handle, prefix) if self.prefixes.contains_key(&handle) => {
                    return Err(self.fault(format!("%TAG gives a handle twice, the second time for {prefix}")));
                }
                Token::TagPrefix(handle, prefix) => drop(self.prefixes.insert(handle, prefix)),
                _ => {}
            }
        }
        Ok(())
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { message: message.into(), line: self.scanner.line() }
    }

    fn next_is(&mut self, tokens: &[Token]) -> Result<bool, Fault> {
        let next = self.scanner.peek()?;
        Ok(tokens.contains(next))
    }

    /// Takes the next token if it is this one.
    fn accept(&mut self, token: &Token) -> Result<bool, Fault> {
        let is_it = self.scanner.peek()? == token;
        if is_it {
            self.scanner.take()?;
        }
        Ok(is_it)
    }

    fn want(&mut self, wants: Wants) {
        if let Some(top) = self.open.last_mut() {
            top.1 = wants;
        }
    }

    /// A node unless one of these tokens is next, which leave it empty.
    fn node_unless(&mut self, ends: &[Token], place: Place) -> Result<(), Fault> {
        if self.next_is(ends)? { self.empty() } else { self.node(place) }
    }

    fn step(&mut self, wants: Wants) -> Result<(), Fault> {
        use Token::{BlockEnd, BlockEntry, FlowEntry, FlowMappingEnd, FlowSequenceEnd, Key, Value};
        match wants {
            Wants::BlockEntry => {
                if self.accept(&BlockEntry)? {
                    return self.node_unless(&[BlockEntry, BlockEnd], Place::Block);
                }
                self.close_block("a list")
            }
            Wants::LevelEntry => {
                if self.accept(&BlockEntry)? {
                    return self.node_unless(&[BlockEntry, Key, Value, BlockEnd], Place::Block);
                }
                self.open.pop();
                Ok(())
            }
            Wants::BlockKey => {
                if self.accept(&Key)? {
                    self.want(Wants::BlockValue);
                    return self.node_unless(&[Key, Value, BlockEnd], Place::BlockOrLevel);
                }
                self.close_block("a mapping")
            }
            Wants::BlockValue => {
                self.want(Wants::BlockKey);
                if self.accept(&Value)? {
                    return self.node_unless(&[Key, Value, BlockEnd], Place::BlockOrLevel);
                }
                self.empty()
            }
            Wants::FlowEntry { first } => self.flow_entry(first),
            Wants::PairKey => {
                self.want(Wants::PairValue);
                self.scanner.take()?;
                self.node_unless(&[Value, FlowEntry, FlowSequenceEnd], Place::Flow)
            }
            Wants::PairValue => {
                self.want(Wants::PairEnd);
                if self.accept(&Value)? {
                    return self.node_unless(&[FlowEntry, FlowSequenceEnd], Place::Flow);
                }
                self.empty()
            }
            Wants::PairEnd => {
                self.open.pop();
                Ok(())
            }
            Wants::FlowKey { first } => self.flow_key(first),
            Wants::FlowValue => {
                self.want(Wants::FlowKey { first: false });
                if self.accept(&Value)? {
                    return self.node_unless(&[FlowEntry, FlowMappingEnd], Place::Flow);
                }
                self.empty()
            }
            Wants::NoValue => {
                self.want(Wants::FlowKey { first: false });
                self.empty()
            }
        }
    }

    fn close_block(&mut self, what: &str) -> Result<(), Fault> {
        if !self.accept(&Token::BlockEnd)? {
            return Err(
                self.fault(format!("{what} goes on in another way, or with another indentation, than it began"))
            );
        }
        self.open.pop();
        Ok(())
    }

    fn flow_entry(&mut self, first: bool) -> Result<(), Fault> {
        if !first && !self.next_is(&[Token::FlowSequenceEnd])? && !self.accept(&Token::FlowEntry)? {
            return Err(self.fault("expected ',' or ']' in a list"));
        }
        if self.accept(&Token::FlowSequenceEnd)? {
            self.open.pop();
            return Ok(());
        }
        self.want(Wants::FlowEntry { first: false });
        if self.next_is(&[Token::Key])? {
            let line = self.scanner.line();
            self.begin(Tag::Map, Content::Mapping(Vec::new()), None, line)?;
            self.enter(Wants::PairKey);
            return Ok(());
        }
        self.node(Place::Flow)
    }

    fn flow_key(&mut self, first: bool) -> Result<(), Fault> {
        if !first && !self.next_is(&[Token::FlowMappingEnd])? && !self.accept(&Token::FlowEntry)? {
            return Err(self.fault("expected ',' or '}' in a mapping"));
        }
        if self.accept(&Token::FlowMappingEnd)? {
            self.open.pop();
            return Ok(());
        }
        if self.accept(&Token::Key)? {
            self.want(Wants::FlowValue);
            return self.node_unless(&[Token::Value, Token::FlowEntry, Token::FlowMappingEnd], Place::Flow);
        }
        self.want(Wants::NoValue);
        self.node(Place::Flow)
    }

    /// Nothing where a node could be.
    fn empty(&mut self) -> Result<(), Fault> {
        let line = self.scanner.line();
        self.begin(Tag::Null, Content::Scalar(String::new()), None, line)
    }

    fn node(&mut self, place: Place) -> Result<(), Fault> {
        let line = {
            self.scanner.peek()?;
            self.scanner.line()
        };
        if let Token::Alias(name) = self.scanner.peek()?.clone() {
            self.scanner.take()?;
            let target = self.anchors.get(&name).copied();
            let target = target.ok_or_else(|| Fault { message: format!("nothing has the anchor &{name}"), line })?;
            return self.attach(target);
        }
        let properties = self.properties(line)?;
        let next = self.scanner.peek()?.clone();
        let (tag, content, wants) = match next {
            Token::BlockEntry if place == Place::BlockOrLevel => {
                return self.collection(properties, Content::Sequence(Vec::new()), Wants::LevelEntry);
            }
            Token::Scalar(text, is_plain) => {
                let is_free = properties.tag.is_none() && is_plain || properties.tag.as_deref() == Some("!");
                let tag = match properties.tag.as_deref() {
                    _ if is_free => implicit(&text),
                    None => Tag::Str,
                    Some(name) => Tag::named(name),
                };
                (tag, Content::Scalar(text), None)
            }
            Token::FlowSequence => (Tag::Seq, Content::Sequence(Vec::new()), Some(Wants::FlowEntry { first: true })),
            Token::FlowMapping => (Tag::Map, Content::Mapping(Vec::new()), Some(Wants::FlowKey { first: true })),
            Token::BlockSequence if place != Place::Flow => {
                (Tag::Seq, Content::Sequence(Vec::new()), Some(Wants::BlockEntry))
            }
            Token::BlockMapping if place != Place::Flow => {
                (Tag::Map, Content::Mapping(Vec::new()), Some(Wants::BlockKey))
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                let tag = match properties.tag.as_deref() {
                    None | Some("!") => Tag::Null,
                    Some(name) => Tag::named(name),
                };
                return self.begin(tag, Content::Scalar(String::new()), properties.anchor, line);
            }
            _ => return Err(self.fault("a value is expected here (put text with special signs into quotes)")),
        };
        self.scanner.take()?;
        match wants {
            None => self.begin(tag, content, properties.anchor, line),
            Some(wants) => self.collection(properties, content, wants),
        }
    }

    fn collection(&mut self, properties: Properties, content: Content, wants: Wants) -> Result<(), Fault> {
        let own = if matches!(content, Content::Sequence(_)) { Tag::Seq } else { Tag::Map };
        let tag = match properties.tag.as_deref() {
            None | Some("!") => own,
            Some(name) => Tag::named(name),
        };
        self.begin(tag, content, properties.anchor, properties.line)?;
        self.enter(wants);
        Ok(())
    }

    fn properties(&mut self, line: usize) -> Result<Properties, Fault> {
        let mut properties = Properties { anchor: None, tag: None, line };
        loop {
            match self.scanner.peek()?.clone() {
                Token::Anchor(name) if properties.anchor.is_none() => properties.anchor = Some(name),
                Token::Tag(handle, suffix) if properties.tag.is_none() => {
                    let prefix = match handle {
                        None => "",
                        Some(handle) => self.prefixes.get(&handle).map(String::as_str).ok_or_else(|| Fault {
                            message: format!("the tag's handle {handle} is not known"),
                            line,
                        })?,
                    };
                    properties.tag = Some(if prefix.len() + suffix.len() <= LONGEST_TAG {
                        format!("{prefix}{suffix}")
                    } else {
                        // No known one is as long, and each node may have it by a few characters.
                        prefix.chars().chain(suffix.chars()).take(LONGEST_TAG).collect()
                    });
                }
                _ => return Ok(properties),
            }
            self.scanner.take()?;
        }
    }

    /// Puts a new node into the graph, and below what is open.
    fn begin(&mut self, tag: Tag, content: Content, anchor: Option<String>, line: usize) -> Result<(), Fault> {
        let id = self.graph.items.len();
        if let Some(name) = anchor
            && self.anchors.insert(name.clone(), id).is_some()
        {
            return Err(Fault { message: format!("the anchor &{name} stands there twice"), line });
        }
        self.graph.items.push(Item { tag, content, line });
        self.attach(id)
    }

    fn attach(&mut self, id: Id) -> Result<(), Fault> {
        self.count += 1;
        if self.count > MAX_NODES {
            self.graph.is_too_much = true;
            return Err(self.fault("more values than are read"));
        }
        match self.open.last().and_then(|(parent, _)| self.graph.items.get_mut(*parent)) {
            None => self.graph.root = Some(id),
            Some(Item { content: Content::Sequence(children) | Content::Mapping(children), .. }) => children.push(id),
            Some(_) => {}
        }
        Ok(())
    }

    /// Opens the collection that was begun last.
    fn enter(&mut self, wants: Wants) {
        self.open.push((self.graph.items.len() - 1, wants));
        if self.open.len() > MAX_DEPTH {
            let fault = self.fault(format!("more than {MAX_DEPTH} lists and mappings inside of each other"));
            self.graph.poison.get_or_insert(fault);
        }
    }
}
