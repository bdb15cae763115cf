//! Filters mean what they mean to rclone: the same rules over the same tree, by both.
//!
//! Welkin may refuse by name what it would read in another way; how often it does is bounded by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use welkin_testkit::stand_ins::{Program, program};
use welkin_transfer::filter::Filter;

/// Keys with what patterns speak of in their names.
const KEYS: [&str; 30] = [
    "a.jpg",
    "b.png",
    "A.JPG",
    "1.jpg",
    "!.jpg",
    "^.jpg",
    "[x]",
    "a{b",
    "a}b",
    "a,b",
    "a+b",
    "x-1.txt",
    "é.txt",
    "a.b.jpeg",
    "dir/x",
    "dir/y.jpg",
    "dir/sub/x",
    "dir/sub/z.png",
    "p/dir/x",
    "p/a.jpg",
    "a/b/c.txt",
    "a/b/d.jpg",
    "a/.hidden",
    "ab/x",
    "ab/abc/x",
    "sp ace/f 1",
    "file2.txt",
    "dir2/file.jpg",
    "x",
    "a*b",
];

/// As rclone's documentation gives them, and what each form of a pattern can be taken for.
const NAMED: [&str; 45] = [
    "f:+ /dir/*.jpg|f:- *",
    "i:file2.txt",
    "i:/dir/**",
    "i:dir/",
    "i:/dir/",
    "e:dir/",
    "e:/dir/**",
    "e:*.jpg",
    "i:*.{jpg,png}",
    "e:*.{jpg,png}",
    "i:[!a].jpg",
    "i:[^a].jpg",
    "i:[[:alpha:]].jpg",
    "i:[[:^alpha:]].jpg",
    "i:{{a.*}}",
    "i:*.{{jpe?g}}",
    "i:{{(?i)a\\.jpg}}",
    "i:{{\\d}}.jpg",
    "i:***",
    "i:a***b",
    "i:[x",
    "i:x]",
    "i:a{b",
    "i:a}b",
    "i:{{a",
    "i:\\[x\\]",
    "i:a\\{b",
    "i:a\\*b",
    "i:a+b",
    "i:a,b",
    "i:{a,b}*",
    "i:{dir/x,a.jpg}",
    "i:{dir,p/{dir,q}}/x",
    "e:dir/**|i:*.jpg",
    "i:*.jpg|e:a.jpg",
    "e:a.jpg|i:*.jpg|f:+ x",
    "f:- dir/|f:+ dir/x",
    "f:+ dir/x|f:- dir/**",
    "f:- x|f:!|f:- *.jpg",
    "i:dir/x",
    "i:**/x",
    "e:*",
    "i:/",
    "f:+  x|f:- *",
    "i:\\a*",
];

const ATOMS: [&str; 39] = [
    "a",
    "b",
    "x",
    "dir",
    "/",
    "/",
    "/",
    "*",
    "*",
    "**",
    "?",
    ".",
    ".jpg",
    ".txt",
    "[a-c]",
    "[^a]",
    "[!a]",
    "[[:digit:]]",
    "[a-]",
    "{a,b}",
    "{dir,p}",
    "{x,*.jpg}",
    "{a/b,dir}",
    "{{[a-d]+}}",
    "{{.*x}}",
    "\\[",
    "\\*",
    "+",
    "1",
    "sub",
    "p",
    "ab",
    "é",
    "{a,{b,x}}",
    "***",
    "[",
    "}",
    " ",
    "file",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn pattern(&mut self) -> String {
        (0..=self.below(4)).map(|_| ATOMS[self.below(ATOMS.len())]).collect()
    }

    fn rules(&mut self) -> Vec<(char, String)> {
        (0..=self.below(3))
            .map(|_| match self.below(4) {
                0 => ('i', self.pattern()),
                1 => ('e', self.pattern()),
                2 => ('f', format!("+ {}", self.pattern())),
                _ => ('f', format!("- {}", self.pattern())),
            })
            .collect()
    }
}

fn ours(rules: &[(char, String)]) -> Result<BTreeSet<String>, String> {
    let mut filter = Filter::default();
    for (flag, pattern) in
        rules.iter().filter(|rule| rule.0 == 'i').chain(rules.iter().filter(|rule| rule.0 == 'e'))
    {
        filter.add(*flag == 'i', pattern).map_err(|error| error.reason)?;
    }
    for (_, line) in rules.iter().filter(|rule| rule.0 == 'f') {
        filter.add_file(line)?;
    }
    if rules.iter().any(|rule| rule.0 == 'i') {
        filter.close().unwrap();
    }
    Ok(KEYS.into_iter().filter(|key| filter.passes(key, 0)).map(str::to_owned).collect())
}

/// What rclone lists, or nothing where it refuses the rules.
fn theirs(rclone: &Path, tree: &Path, rules: &[(char, String)]) -> Option<BTreeSet<String>> {
    let flags = rules.iter().map(|(flag, pattern)| match flag {
        'i' => format!("--include={pattern}"),
        'e' => format!("--exclude={pattern}"),
        _ => format!("--filter={pattern}"),
    });
    let output = Command::new(rclone)
        .args(["--config", "/dev/null", "lsf", "-R", "--files-only"])
        .arg(tree)
        .args(flags)
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| listed.lines().map(str::to_owned).collect())
}

#[test]
fn filters_mean_what_they_mean_to_rclone() {
    let rclone = match program(Program::Rclone) {
        Ok(rclone) => rclone,
        Err(missing) => return println!("{missing}"),
    };
    let tree = tempfile::tempdir().unwrap();
    for key in KEYS {
        let path = tree.path().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let named = NAMED
        .iter()
        .map(|set| set.split('|').map(|rule| (rule.as_bytes()[0] as char, rule[2..].to_owned())).collect());
    let mut dice = Dice(0x5eed_0f11_7e25);
    let drawn = if std::env::var_os("WELKIN_SOAK_ROUNDS").is_some() { DRAWN_IN_SOAK } else { DRAWN };
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let sets: Vec<Vec<(char, String)>> = named.chain((0..drawn).map(|_| dice.rules())).collect();
    for rules in &sets {
        match (ours(rules), theirs(&rclone, tree.path(), rules)) {
            (Ok(ours), Some(theirs)) if ours == theirs => {}
            (Err(_), None) => {}
            (Err(why), Some(_)) => *refusals.entry(why).or_default() += 1,
            (ours, theirs) => wrong.push(format!("{rules:?}\n  ours   {ours:?}\n  theirs {theirs:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), sets.len(), wrong.join("\n"));
    let unnamed: Vec<&String> =
        refusals.keys().filter(|why| !REFUSED.iter().any(|kind| why.contains(kind))).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
    let refused: usize = refusals.values().sum();
    assert!(refused * 10 <= sets.len(), "{refused} of {}: {refusals:?}", sets.len());
}

/// Rule sets drawn, at some 50 ms each; in the soak.
const DRAWN: usize = 120;
const DRAWN_IN_SOAK: usize = 760;

/// What Welkin refuses and rclone takes.
const REFUSED: [&str; 5] = [
    "expected `+ PATTERN`",
    "it ends with a space",
    "is not an escape; classes belong",
    "is within a set",
    "it ends with `\\`",
];
