//! Values as JSON, within bounds: aliases can say far more in few bytes than there is memory.

use super::{Int, Node};

/// Bytes that are written out at most when nodes become JSON, more than any document without aliases can say.
const MAX_WRITTEN: usize = 96 << 20;
/// Room that each value takes beside its text, in bytes.
const EACH_VALUE: usize = 64;

/// Room for what nodes are written out to; aliases can say far more in few bytes than there is memory.
#[derive(Debug)]
pub struct Room {
    left: usize,
}

impl Default for Room {
    fn default() -> Self {
        Room { left: MAX_WRITTEN }
    }
}

impl Room {
    /// True if something had no place any more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.left == 0
    }

    fn take(&mut self, text: usize) -> bool {
        self.left = self.left.saturating_sub(text + EACH_VALUE);
        self.left > 0
    }
}

impl Node {
    /// The value as JSON; null where there is no room.
    pub fn to_json(&self, room: &mut Room) -> serde_json::Value {
        use serde_json::Value;
        if !room.take(self.text_len()) {
            return Value::Null;
        }
        match self {
            Node::Null => Value::Null,
            Node::Bool(value) => (*value).into(),
            Node::Int(Int { digits, .. }) => match (digits.parse::<i64>(), digits.parse::<u64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => digits.clone().into(),
            },
            Node::Float(number) if number.value.is_finite() => number.value.into(),
            Node::Float(number) => number.text.clone().into(),
            Node::String(text) => text.clone().into(),
            Node::Sequence(items) => items.iter().map(|item| item.to_json(room)).collect(),
            Node::Mapping(pairs) => {
                let fields = pairs.iter().filter(|(key, _)| room.take(key.text_len())).collect::<Vec<_>>();
                let field = |(key, value): &(Node, Node)| (key.to_text().unwrap_or_default(), value.to_json(room));
                Value::Object(fields.into_iter().map(field).collect())
            }
            Node::Other(other) => other.name().into(),
        }
    }
}

impl From<&Node> for serde_json::Value {
    /// Keys that are not text are written as text, and so are numbers that JSON does not know.
    fn from(node: &Node) -> Self {
        node.to_json(&mut Room::default())
    }
}
