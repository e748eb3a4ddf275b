//! The commands of a shell script, near enough for a warning: words, where they stand, what follows. No expansion, no functions.

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Line of the script, from 1.
    pub(super) line: usize,
    /// Its words without quotes, from the program on: keywords and assignments before it, and wrappers such as `sudo`, are left out.
    pub(super) words: Vec<String>,
    /// `sudo` with its options, if it is called by it.
    pub(super) sudo: Option<Vec<String>>,
    /// It is sent to the background.
    pub(super) background: bool,
    /// What it prints goes into another command or a file.
    pub(super) redirected: bool,
}

impl Command {
    /// Name of the program, without its path.
    pub(super) fn program(&self) -> &str {
        self.words.first().map(|word| word.rsplit('/').next().unwrap_or_default()).unwrap_or_default()
    }

    pub(super) fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.arguments().iter().any(|argument| words.contains(&argument.as_str()))
    }
}

/// Where the scanner is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Double,
}

#[derive(Default)]
struct Scanner {
    found: Vec<Command>,
    command: Command,
    word: Option<String>,
    stack: Vec<(Place, Command)>,
    /// Delimiters of here-documents that begin after this line.
    awaited: Vec<String>,
}

/// The commands of the lines of a script.
pub(super) fn commands(lines: &[&str]) -> Vec<Command> {
    let mut scanner = Scanner::default();
    let mut place = Place::Plain;
    let mut single = false;
    let mut delimiters: Vec<String> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if let Some(delimiter) = delimiters.first() {
            if line.trim_start_matches('\t') == delimiter {
                delimiters.remove(0);
            }
            continue;
        }
        let continues = scanner.line(line, number + 1, &mut place, &mut single);
        if single || place == Place::Double {
            scanner.push('\n');
        }
        if place == Place::Plain && !single && !continues {
            scanner.end(false, false);
        }
        delimiters.append(&mut scanner.awaited);
    }
    scanner.end(false, false);
    scanner.found
}

impl Scanner {
    /// Takes a line; whether the command goes on in the next.
    fn line(&mut self, line: &str, number: usize, place: &mut Place, single: &mut bool) -> bool {
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            if self.word.is_none() && self.command.words.is_empty() {
                self.command.line = number;
            }
            if *single {
                *single = c != '\'';
                if *single {
                    self.push(c);
                }
                continue;
            }
            match (c, *place) {
                ('\\', _) => match rest.next() {
                    None => return true,
                    Some(next) => self.push(next),
                },
                ('\'', Place::Plain) => {
                    *single = true;
                    self.word.get_or_insert_default();
                }
                ('"', _) => {
                    *place = if *place == Place::Plain { Place::Double } else { Place::Plain };
                    self.word.get_or_insert_default();
                }
                ('$', _) if rest.peek() == Some(&'(') => {
                    rest.next();
                    self.word.get_or_insert_default().push_str("$()");
                    let mut outer = std::mem::take(&mut self.command);
                    outer.words.extend(self.word.take());
                    self.stack.push((*place, outer));
                    *place = Place::Plain;
                    self.command.line = number;
                }
                (_, Place::Double) => self.push(c),
                (')', _) if !self.stack.is_empty() => {
                    self.end(false, true);
                    let (outer, command) = self.stack.pop().unwrap_or((Place::Plain, Command::default()));
                    (*place, self.command) = (outer, command);
                    self.word = self.command.words.pop();
                }
                ('#', _) if self.word.is_none() => return false,
                (' ' | '\t', _) => self.end_word(),
                _ => self.operator(c, &mut rest),
            }
        }
        false
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn operator(&mut self, c: char, rest: &mut std::iter::Peekable<std::str::Chars>) {
        match c {
            '|' => {
                let or = rest.next_if_eq(&'|').is_some();
                self.end(false, !or);
            }
            '&' if rest.next_if_eq(&'&').is_some() => self.end(false, false),
            '&' if rest.peek() == Some(&'>') => self.end_word(),
            '&' if self.word.as_deref().is_some_and(|word| word.ends_with('>')) => self.push(c),
            '&' => self.end(true, false),
            '<' if rest.peek() == Some(&'<') => {
                rest.next();
                rest.next_if_eq(&'-');
                let delimiter: String = std::iter::from_fn(|| rest.next_if(|c| !" \t;|&)>".contains(*c))).collect();
                let delimiter = delimiter.replace(['\'', '"', '\\'], "");
                if !delimiter.is_empty() && !delimiter.starts_with('<') {
                    self.awaited.push(delimiter);
                }
            }
            '>' => {
                // `2>` and the like say nothing of where the output goes.
                self.command.redirected |= self.word.as_deref().is_none_or(|word| word == "1");
                self.push(c);
            }
            ';' | '(' | ')' | '`' => self.end(false, false),
            other => self.push(other),
        }
    }

    fn end_word(&mut self) {
        // What is inside of a substitution does not split the word that it is part of.
        if let Some(word) = self.word.take() {
            self.command.words.push(word);
        }
    }

    fn end(&mut self, background: bool, redirected: bool) {
        self.end_word();
        let line = self.command.line;
        let mut command = std::mem::take(&mut self.command);
        command.background = background;
        command.redirected |= redirected;
        strip(&mut command);
        if !command.words.is_empty() {
            self.found.push(command);
        }
        self.command.line = line;
    }
}

/// Takes away what stands before the program.
fn strip(command: &mut Command) {
    const BEFORE: [&str; 18] = [
        "if", "then", "elif", "else", "while", "until", "do", "!", "{", "}", "time", "exec", "command", "nohup", "env",
        "nice", "setsid", "fi",
    ];
    loop {
        let Some(word) = command.words.first() else { return };
        let is_assignment = word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        if word == "sudo" {
            command.words.remove(0);
            let options = command.words.iter().take_while(|word| word.starts_with('-')).count();
            command.sudo = Some(command.words.drain(..options).collect());
        } else if word == "timeout" {
            command.words.remove(0);
            let options = command.words.iter().take_while(|word| word.starts_with('-')).count();
            let until = (options + 1).min(command.words.len());
            command.words.drain(..until);
        } else if is_assignment || BEFORE.contains(&word.as_str()) {
            command.words.remove(0);
        } else {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String)> {
        let found = commands(&text.lines().collect::<Vec<_>>());
        found.into_iter().map(|command| (command.line, command.words.join(" "))).collect()
    }

    #[test]
    fn commands_are_found_where_a_shell_finds_them() {
        let rows: [(&str, &[&str]); 12] = [
            ("echo 'a; reboot' \"b; reboot\" # c; reboot", &["echo a; reboot b; reboot"]),
            ("if ! mkfs.ext4 /dev/sda; then exit 1; fi", &["mkfs.ext4 /dev/sda", "exit 1"]),
            ("A=1 B=2 sudo -n wipefs -a x && true || false", &["wipefs -a x", "true", "false"]),
            ("cat <<EOF\nreboot\nEOF\ntrue", &["cat", "true"]),
            ("cat <<-'EOF' >f\n\treboot\n\tEOF\ntrue", &["cat >f", "true"]),
            ("x=$(sed 's/;/ /' \"$f\"; reboot)", &["sed s/;/ / $f", "reboot"]),
            ("echo \"now $(hostname -f) done\" 2>&1", &["hostname -f", "echo now $() done 2>&1"]),
            ("case $1 in\n a) poweroff ;;\nesac", &["case $1 in", "a", "poweroff", "esac"]),
            ("apt-get install \\\n  -y fio", &["apt-get install -y fio"]),
            ("f() { true; }", &["f", "true"]),
            ("timeout -k 5 dd if=a | (sleep 1 &)", &["dd if=a", "sleep 1"]),
            ("awk '{\n system(\"reboot\") }' file\nls", &["awk {\n system(\"reboot\") } file", "ls"]),
        ];
        for (text, expected) in rows {
            let words: Vec<String> = read(text).into_iter().map(|(_, words)| words).collect();
            assert_eq!(words, expected, "{text}");
        }
        assert_eq!(read("true\n\nfalse"), [(1, "true".into()), (3, "false".into())]);
    }

    #[test]
    fn what_is_in_the_background_or_goes_elsewhere_is_known() {
        let found = commands(&["sleep 1 &", "cat x | wc", "cat x >y", "cat x 2>/dev/null", "cat x &>y", "a && b"]);
        let seen: Vec<_> = found.iter().map(|c| (c.program(), c.background, c.redirected)).collect();
        let expected = [
            ("sleep", true, false),
            ("cat", false, true),
            ("wc", false, false),
            ("cat", false, true),
            ("cat", false, false),
            ("cat", false, true),
            ("a", false, false),
            ("b", false, false),
        ];
        assert_eq!(seen, expected);
    }
}
