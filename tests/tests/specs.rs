//! Every rule in `specs/` has a row in its table of tests, and every test named there exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").into()
}

/// `ABC-12` at the start of `text`.
fn rule_at(text: &str) -> Option<&str> {
    let dash = text.find('-').filter(|dash| (2..=5).contains(dash))?;
    let digits = text[dash + 1..].bytes().take_while(u8::is_ascii_digit).count();
    let letters = text[..dash].bytes().all(|byte| byte.is_ascii_uppercase());
    (letters && digits >= 2).then(|| &text[..dash + 1 + digits])
}

/// Rules that `spec` defines: a paragraph or list item that begins with the id in bold.
fn defined(spec: &str) -> BTreeSet<String> {
    let starts = spec.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("- ").unwrap_or(line).strip_prefix("**")
    });
    starts.filter_map(rule_at).map(str::to_owned).collect()
}

/// Words of a table row that can be names of test functions.
fn test_names(cells: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    cells.split(move |c: char| !is_word(c)).filter(|word| {
        word.len() > 8 && word.contains('_') && word.bytes().all(|byte| !byte.is_ascii_uppercase())
    })
}

/// Rule → what stands beside it, from the rows whose first cell names rules.
fn rows(spec: &str) -> BTreeMap<String, String> {
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for line in spec.lines().filter_map(|line| line.strip_prefix('|')) {
        let Some((first, rest)) = line.split_once('|') else { continue };
        for id in first.split([',', ' ', '`']).filter_map(rule_at) {
            rows.entry(id.to_owned()).or_default().push_str(rest);
        }
    }
    rows
}

fn sources(dir: &Path, out: &mut String) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                sources(&path, out);
            }
        } else if name.ends_with(".rs") || name.ends_with(".py") || name.ends_with(".mjs") {
            out.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// Names of all functions in some source code.
fn functions(code: &str) -> BTreeSet<&str> {
    code.split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
        .collect()
}

/// The rows of a table whose first cell is a single name, and what stands beside it.
fn named_rows(text: &str) -> BTreeMap<&str, &str> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    cells.collect()
}

/// `ATK-21`: each mutant has a row in the table of `specs/22-attacks.md`, with a checker that exists.
#[test]
fn every_mutant_has_a_row_and_a_checker() {
    let mut code = String::new();
    sources(&root(), &mut code);
    let functions = functions(&code);
    let spec = fs::read_to_string(root().join("specs/22-attacks.md")).expect("readable");
    let rows = named_rows(&spec);
    assert!(mesh::Rule::ALL.len() >= 15);
    for rule in mesh::Rule::ALL {
        let name = format!("{rule:?}");
        let row = rows.get(&*name).unwrap_or_else(|| panic!("{name} has no row"));
        let checkers: Vec<&str> = test_names(row).collect();
        assert!(!checkers.is_empty(), "{name} names no checker");
        for checker in checkers {
            assert!(functions.contains(checker), "{name} names {checker}, which does not exist");
        }
    }
}

/// Each threat in SECURITY.md names tests that exist and rules that the specs define.
#[test]
fn security_names_tests_and_rules_that_exist() {
    let mut code = String::new();
    sources(&root(), &mut code);
    let functions = functions(&code);
    let mut rules = BTreeSet::new();
    for entry in fs::read_dir(root().join("specs")).expect("specs/ exists").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "md") {
            let spec = fs::read_to_string(entry.path()).expect("readable");
            // Some specs define their rules in sections; every rule has its row.
            rules.extend(defined(&spec));
            rules.extend(rows(&spec).into_keys());
        }
    }
    let security = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md is there");
    let threats: Vec<&str> = security.lines().filter(|line| line.starts_with("| ")).collect();
    let mut gaps = Vec::new();
    let mut checked = 0;
    for threat in threats.iter().filter(|line| !line.starts_with("| threat")) {
        let cells: Vec<&str> = threat.trim_matches('|').split('|').collect();
        let [_, mitigation, tests] = cells[..] else {
            gaps.push(format!("not three cells: {threat}"));
            continue;
        };
        checked += 1;
        let mut named = test_names(tests).filter(|name| !is_path(tests, name)).peekable();
        if named.peek().is_none() {
            gaps.push(format!("no test: {threat}"));
        }
        gaps.extend(
            named
                .filter(|name| !functions.contains(name))
                .map(|name| format!("{name} does not exist: {threat}")),
        );
        let cited: Vec<&str> = mitigation
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter_map(rule_at)
            .collect();
        if cited.is_empty() {
            gaps.push(format!("no rule: {threat}"));
        }
        gaps.extend(
            cited
                .iter()
                .filter(|rule| !rules.contains(**rule))
                .map(|rule| format!("{rule} is not defined: {threat}")),
        );
    }
    assert!(checked >= 30, "only {checked} threats: the table is written differently now");
    assert!(gaps.is_empty(), "{} gaps:\n{}", gaps.len(), gaps.join("\n"));
}

/// Whether a word is part of a file's name in `text`.
fn is_path(text: &str, word: &str) -> bool {
    text.contains(&format!("{word}.rs")) || text.contains(&format!("{word}/"))
}

#[test]
fn every_rule_names_tests_that_exist() {
    let mut code = String::new();
    sources(&root(), &mut code);
    let functions = functions(&code);
    let mut gaps = Vec::new();
    let mut rules = 0;
    for entry in fs::read_dir(root().join("specs")).expect("specs/ exists").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let file = entry.file_name().to_string_lossy().into_owned();
        let spec = fs::read_to_string(&path).expect("readable");
        let rows = rows(&spec);
        for rule in defined(&spec) {
            rules += 1;
            match rows.get(&rule) {
                None => gaps.push(format!("{file}: {rule} has no row")),
                Some(cells) if !cells.contains("see [") && !cells.contains("tests/") => {
                    if test_names(cells).next().is_none() {
                        gaps.push(format!("{file}: {rule} names no test"));
                    }
                }
                Some(_) => {}
            }
        }
        for (rule, cells) in &rows {
            for name in test_names(cells).filter(|name| !functions.contains(name)) {
                let is_file = code.contains(name) || root().join("tests").join(name).exists();
                if !is_file {
                    gaps.push(format!("{file}: {rule} names {name}, which does not exist"));
                }
            }
        }
    }
    assert!(rules > 100, "only {rules} rules found: the specs are written differently now");
    assert!(gaps.is_empty(), "{} gaps:\n{}", gaps.len(), gaps.join("\n"));
}
