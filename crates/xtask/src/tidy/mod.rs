//! `cargo xtask tidy`: the house rules, one file each.

mod codec;
mod crate_docs;
mod dependencies;
mod length;
mod links;
mod machine_paths;
mod markers;
mod purity;
mod top_level;
mod tree;
mod whitespace;

use std::fmt;

use anyhow::Result;

use crate::project::Project;
use crate::tidy::tree::Tree;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1.
    line: usize,
    message: String,
    severity: Severity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    /// Shown and counted only.
    Warning,
    Error,
}

impl Finding {
    fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into(), severity: Severity::Error }
    }

    fn warning(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {mark}{}", self.path, self.line, self.message)
    }
}

const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    codec::check,
    crate_docs::check,
    dependencies::check,
    length::check,
    links::check,
    machine_paths::check,
    markers::check,
    purity::check,
    top_level::check,
    whitespace::check,
];

/// Prints every finding in the work tree; true if none of them is an error.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let tree = Tree::of_project(project)?;
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    println!("tidy: {} files, {errors} errors, {} warnings", tree.files().len(), findings.len() - errors);
    Ok(errors == 0)
}
