//! A graph to values, in the order in which PyYAML makes them: level by level, so that of several mistakes the same one counts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::graph::{Content, Graph, Id, Item};
use super::resolve::{Tag, is_base64, read_bool, read_float, read_int, read_timestamp};
use super::{Error, Fault, Float, Int, MAX_WORK, Node, Other};

/// Values inside of each other, by way of aliases, that are kept: what reads them calls itself.
const MAX_HEIGHT: usize = 420;
/// Merges inside of merges, which PyYAML follows by calling itself.
const MAX_MERGES: usize = 420;

struct Builder {
    graph: Graph,
    /// What each node became; collections come last.
    values: Vec<Option<Node>>,
    /// How many collections are inside of each other at a node.
    heights: Vec<usize>,
    known: Vec<bool>,
    waiting: VecDeque<Id>,
    /// Steps and bytes that aliases and merges have cost.
    work: usize,
    /// How many of a mapping's children `<<` brought, which stand before its own.
    brought: HashMap<Id, usize>,
    /// Lines and keys that stand again further down.
    repeated: Vec<(usize, String)>,
}

/// The value of a graph's root.
pub(super) fn build(graph: Graph, repeated: &mut Vec<(usize, String)>) -> Result<Node, Error> {
    let Some(root) = graph.root else {
        return match graph.poison {
            None => Ok(Node::Null),
            Some(Fault { message, line }) => Err(Error::Poison { message, line, rest: Node::Null }),
        };
    };
    let count = graph.items.len();
    let mut builder = Builder {
        graph,
        values: vec![None; count],
        heights: vec![0; count],
        known: vec![false; count],
        waiting: VecDeque::new(),
        work: 0,
        brought: HashMap::new(),
        repeated: Vec::new(),
    };
    let checked = builder.check(root);
    if builder.graph.poison.is_none() && !builder.graph.is_too_much {
        checked?;
    }
    let value = builder.link(root);
    *repeated = std::mem::take(&mut builder.repeated);
    if builder.graph.is_too_much {
        return Err(Error::TooMuch);
    }
    match builder.graph.poison {
        None => Ok(value),
        Some(Fault { message, line }) => Err(Error::Poison { message, line, rest: value }),
    }
}

impl Builder {
    fn fault(&self, id: Id, message: impl Into<String>) -> Fault {
        Fault { message: message.into(), line: self.graph.items[id].line }
    }

    fn poison(&mut self, id: Id, message: impl Into<String>) {
        let fault = self.fault(id, message);
        self.graph.poison.get_or_insert(fault);
    }

    /// Counts what is beyond the text itself: nothing more is read when that is too much.
    fn spend(&mut self, id: Id, work: usize) -> Result<(), Fault> {
        self.work += work;
        self.graph.is_too_much |= self.work > MAX_WORK;
        if self.graph.is_too_much { Err(self.fault(id, "aliases that repeat too much")) } else { Ok(()) }
    }

    fn check(&mut self, root: Id) -> Result<(), Fault> {
        self.begin(root)?;
        while let Some(id) = self.waiting.pop_front() {
            self.fill(id)?;
        }
        Ok(())
    }

    /// Makes a scalar, or lets a collection wait for its turn.
    fn begin(&mut self, id: Id) -> Result<(), Fault> {
        if std::mem::replace(&mut self.known[id], true) {
            return Ok(());
        }
        let tag = self.graph.items[id].tag.clone();
        match tag {
            Tag::Seq | Tag::Map | Tag::Set | Tag::Omap | Tag::Pairs => {
                self.waiting.push_back(id);
                return Ok(());
            }
            Tag::Unknown(name) => return Err(self.fault(id, format!("the tag {name} is not known"))),
            Tag::Merge | Tag::Value => {
                return Err(self.fault(id, "'=' and '<<' are no values (put them into quotes)"));
            }
            _ => {}
        }
        let text = self.scalar(id)?;
        let read = match tag {
            Tag::Null => Ok(Node::Null),
            Tag::Bool => read_bool(&text).map(Node::Bool),
            Tag::Int => read_int(&text).map(|digits| Node::Int(Int { digits, text: text.trim().to_owned() })),
            Tag::Float => read_float(&text).map(|value| Node::Float(Float { value, text: text.trim().to_owned() })),
            // PyYAML looks for a date in the pairs themselves, whatever their key '=' says.
            Tag::Timestamp if matches!(self.graph.items[id].content, Content::Mapping(_)) => {
                Err("a mapping stands where its tag wants a date".to_owned())
            }
            Tag::Timestamp => {
                read_timestamp(&text).map(|has_time| Node::Other(if has_time { Other::DateTime } else { Other::Date }))
            }
            Tag::Binary if !is_base64(&text) => return Err(self.fault(id, "!!binary is not base64")),
            Tag::Binary => Ok(Node::Other(Other::Binary)),
            _ => Ok(Node::String(text)),
        };
        self.values[id] = Some(read.unwrap_or_else(|message| {
            self.poison(id, message);
            Node::Other(Other::Impossible)
        }));
        Ok(())
    }

    /// The text of a scalar; of a mapping that has the key `=`, its value.
    fn scalar(&mut self, id: Id) -> Result<String, Fault> {
        let mut at = id;
        for _ in 0..MAX_HEIGHT {
            let size = match &self.graph.items[at].content {
                Content::Scalar(_) if at == id => 0,
                Content::Scalar(text) => text.len(),
                Content::Sequence(children) | Content::Mapping(children) => children.len(),
            };
            self.spend(id, size)?;
            at = match &self.graph.items[at].content {
                Content::Scalar(text) => return Ok(text.clone()),
                Content::Sequence(_) => return Err(self.fault(id, "a list stands where its tag wants text")),
                Content::Mapping(pairs) => {
                    let value = pairs.chunks_exact(2).find(|pair| self.graph.items[pair[0]].tag == Tag::Value);
                    value.ok_or_else(|| self.fault(id, "a mapping stands where its tag wants text"))?[1]
                }
            };
        }
        self.poison(id, "the key '=' leads to itself");
        Ok(String::new())
    }

    fn fill(&mut self, id: Id) -> Result<(), Fault> {
        let is_mapping = matches!(self.graph.items[id].tag, Tag::Map | Tag::Set);
        if is_mapping {
            self.merge(id, 0)?;
        }
        let Item { tag, content, .. } = &self.graph.items[id];
        match (tag, content) {
            (Tag::Map | Tag::Set, Content::Mapping(children)) => {
                for pair in children.clone().chunks(2) {
                    self.begin(pair[0])?;
                    if matches!(self.graph.items[pair[0]].tag, Tag::Seq | Tag::Map | Tag::Set | Tag::Omap | Tag::Pairs)
                    {
                        return Err(self.fault(pair[0], "a list or a mapping cannot be a key"));
                    }
                    // What broke off may have left a key alone.
                    pair.get(1).map_or(Ok(()), |value| self.begin(*value))?;
                }
            }
            (Tag::Seq, Content::Sequence(children)) => {
                for child in children.clone() {
                    self.begin(child)?;
                }
            }
            (Tag::Omap | Tag::Pairs, Content::Sequence(children)) => {
                for child in children.clone() {
                    let pair = match &self.graph.items[child].content {
                        Content::Mapping(pair) if pair.len() == 2 => [pair[0], pair[1]],
                        _ => return Err(self.fault(child, "an entry of !!omap or !!pairs is one key with its value")),
                    };
                    self.begin(pair[0])?;
                    self.begin(pair[1])?;
                }
            }
            _ => return Err(self.fault(id, "a tag wants a list where there is none, or a mapping")),
        }
        Ok(())
    }

    /// Replaces `<<` by the pairs of what it names, which go before the mapping's own.
    fn merge(&mut self, id: Id, depth: usize) -> Result<(), Fault> {
        if depth > MAX_MERGES {
            self.poison(id, "too many '<<' inside of each other");
            return Ok(());
        }
        let mut merged = Vec::new();
        let mut place = 0;
        loop {
            let Content::Mapping(children) = &self.graph.items[id].content else { return Ok(()) };
            let (Some(&key), Some(&value)) = (children.get(place), children.get(place + 1)) else { break };
            if self.graph.items[key].tag == Tag::Merge {
                let Content::Mapping(children) = &mut self.graph.items[id].content else { return Ok(()) };
                children.drain(place..place + 2);
                // What is behind them moves up.
                let moved = children.len() - place;
                self.spend(id, 1 + moved / 8)?;
                merged.extend(self.pairs_of(value, depth)?);
                continue;
            }
            if self.graph.items[key].tag == Tag::Value {
                self.graph.items[key].tag = Tag::Str;
            }
            place += 2;
        }
        if let Content::Mapping(children) = &mut self.graph.items[id].content
            && !merged.is_empty()
        {
            self.brought.insert(id, merged.len() / 2);
            merged.append(children);
            *children = merged;
        }
        Ok(())
    }

    fn pairs_of(&mut self, id: Id, depth: usize) -> Result<Vec<Id>, Fault> {
        let sources = match &self.graph.items[id].content {
            Content::Mapping(_) => vec![id],
            Content::Sequence(items) => items.clone(),
            Content::Scalar(_) => return Err(self.fault(id, "'<<' wants a mapping or a list of them")),
        };
        let mut found = Vec::new();
        for source in sources {
            if !matches!(self.graph.items[source].content, Content::Mapping(_)) {
                return Err(self.fault(source, "'<<' wants a mapping or a list of them"));
            }
            self.merge(source, depth + 1)?;
            let Content::Mapping(pairs) = &self.graph.items[source].content else { continue };
            let pairs = pairs.clone();
            self.spend(id, 16 * (1 + pairs.len()))?;
            found.push(pairs);
        }
        // The first of a list counts most, and later keys win.
        Ok(found.into_iter().rev().flatten().collect())
    }

    /// Puts collections together, the innermost first.
    fn link(&mut self, root: Id) -> Node {
        let mut open = vec![(root, 0)];
        let mut is_open = vec![false; self.values.len()];
        while let Some((id, place)) = open.last_mut() {
            let id = *id;
            let children = match &self.graph.items[id].content {
                Content::Sequence(children) | Content::Mapping(children) => children.as_slice(),
                Content::Scalar(_) => &[],
            };
            is_open[id] = true;
            if let (None, Some(&child)) = (&self.values[id], children.get(*place)) {
                *place += 1;
                if self.values[child].is_none() && !is_open[child] {
                    open.push((child, 0));
                }
                continue;
            }
            if self.values[id].is_none() {
                let height = 1 + children.iter().map(|child| self.heights[*child]).max().unwrap_or(0);
                self.work +=
                    children.iter().map(|child| self.values[*child].as_ref().map_or(0, Node::text_len)).sum::<usize>();
                if self.work > MAX_WORK {
                    self.graph.is_too_much = true;
                    return Node::Null;
                }
                self.values[id] =
                    Some(if height > MAX_HEIGHT { Node::Other(Other::Deep) } else { self.collection(id) });
                self.heights[id] = if height > MAX_HEIGHT { 1 } else { height };
            }
            is_open[id] = false;
            open.pop();
        }
        self.values[root].take().unwrap_or(Node::Null)
    }

    fn value(&self, id: Id) -> Node {
        // What is still open holds itself.
        self.values[id].clone().unwrap_or(Node::Other(Other::Recursive))
    }

    fn collection(&mut self, id: Id) -> Node {
        let Item { tag, content, .. } = &self.graph.items[id];
        match (tag, content) {
            (Tag::Set, _) => Node::Other(Other::Set),
            (Tag::Omap | Tag::Pairs, Content::Sequence(children)) => {
                Node::Sequence(Arc::new(vec![Node::Other(Other::Pair); children.len()]))
            }
            (_, Content::Sequence(children)) => {
                Node::Sequence(Arc::new(children.iter().map(|child| self.value(*child)).collect()))
            }
            (_, Content::Mapping(children)) => {
                let children = children.clone();
                self.mapping(id, &children)
            }
            // A scalar that was never made, since something else broke off.
            (_, Content::Scalar(text)) => Node::String(text.clone()),
        }
    }

    /// Of a key that stands twice the last value counts, in the place of the first.
    fn mapping(&mut self, id: Id, children: &[Id]) -> Node {
        let brought = self.brought.get(&id).copied().unwrap_or_default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        // Who gave each its value so far, unless that was `<<`, whose keys may be replaced.
        let mut givers: Vec<Option<Id>> = Vec::new();
        for (number, pair) in children.chunks_exact(2).enumerate() {
            let (key, value) = (self.value(pair[0]), self.value(pair[1]));
            let giver = (number >= brought).then_some(pair[0]);
            let place = *places.entry(identity(&key, pair[0])).or_insert(pairs.len());
            if let (Some(known), Some(before)) = (pairs.get_mut(place), givers.get_mut(place)) {
                known.1 = value;
                if let Some(before) = std::mem::replace(before, giver) {
                    self.repeated.push((self.graph.items[before].line, known.0.to_text().unwrap_or_default()));
                }
            } else {
                pairs.push((key, value));
                givers.push(giver);
            }
        }
        Node::Mapping(Arc::new(pairs))
    }
}

/// What two keys have in common that are the same: `1`, `1.0` and `true` are, as in Python.
fn identity(key: &Node, id: Id) -> String {
    match key {
        Node::Null => "null".to_owned(),
        Node::Bool(value) => format!("number {}", u8::from(*value)),
        Node::Int(number) => format!("number {}", number.digits),
        Node::Float(number) if number.value.is_nan() => format!("node {id}"),
        Node::Float(number) => format!("number {}", number.value + 0.0),
        Node::String(text) => format!("text {text}"),
        _ => format!("node {id}"),
    }
}
