use crate::environment::FILE_VARIABLE;
use crate::layer::{Of, Short};
use crate::setting::{Kind, Preset, Setting, file_name, flag, variable};
use crate::settings::SETTINGS;
use crate::words::Face;

const INTRODUCTION: &str = "\
# Configuration

Settings come from a TOML file, from the environment and from the command line. What is set twice counts as the
stronger source says: flags, then environment, then file, then the default. A name that is not known is an error in
every source. All mistakes are reported together, one a line, and nothing is started. Names never change.
";

const LISTS: &str = "
A list is written as `[[name]]` tables in the file, or as inline TOML in the environment:
`CAUSEWAY_QUEUE='[{name=\"orders\", ttl=\"7d\"}]'`. A list in the environment replaces the file's; listeners are replaced face
by face.
";

/// The reference page, in Markdown: every key with its values, default, variable, flag and meaning.
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    out += &format!("\nThe file itself is named by `--config` or `{FILE_VARIABLE}`.\n");
    out += "\n## Settings\n\n";
    out += "| key | value | default | environment | flag | meaning |\n|---|---|---|---|---|---|\n";
    for setting in SETTINGS.iter().filter(|setting| fields(setting).is_none()) {
        let variable = format!("`{}`", setting.variable());
        let flag = setting.flag().map(|flag| format!("`{flag}`")).unwrap_or_default();
        row(&mut out, setting, &[variable, flag]);
    }
    out += &secrets();
    out += "\n## Lists\n";
    out += LISTS;
    for setting in SETTINGS {
        let Some(fields) = fields(setting) else { continue };
        out += &format!("\n### `[[{}]]`\n\n", setting.name);
        out += &format!("{} Environment: `{}`. ", setting.doc, setting.variable());
        out += &format!("Default: {}.\n\n", default(setting));
        out += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for field in fields {
            row(&mut out, field, &[]);
        }
    }
    out += &shorthands();
    out
}

fn secrets() -> String {
    let mut out = "\n## Secrets\n\n".to_owned();
    out += "A secret may stand in a file of its own, whose content without the white space around it is the value: in ";
    out +=
        "the\nfile as `<key>_file`, in the environment as `CAUSEWAY_<KEY>_FILE`, as a flag only so. A relative path ";
    out += "counts from the\nworking folder. Secrets are never shown.\n\n";
    for name in SETTINGS.iter().filter(|setting| setting.secret).map(|setting| file_name(setting.name)) {
        out += &format!("- `{name}`, `{}`, `{}`\n", variable(&name), flag(&name));
    }
    out += "\nA secret in a list has `<key>_file` beside it, too.\n";
    out
}

fn shorthands() -> String {
    let mut out = "\n## Shorthands for listeners\n\n".to_owned();
    out += "Only in the environment and on the command line. An address is that of all listeners of the face, a port \
            that of\nits only one, with TLS or without. A face that is switched off stays off.\n\n";
    out += "| environment | flag | sets |\n|---|---|---|\n";
    for face in Face::ALL {
        for short in Short::of(*face) {
            let (variable, flag) = (variable(&short.name()), flag(&short.name()));
            let which = if short.of == Of::Tls { " with `tls = \"on\"`" } else { "" };
            out += &format!("| `{variable}` | `{flag}` | `{}` of `{}`{which} |\n", short.field.name, face.name());
        }
    }
    out
}

fn row(out: &mut String, setting: &Setting, names: &[String]) {
    let name = format!("`{}`", setting.name);
    let columns = [&[name, setting.kind.allowed(), default(setting)], names, &[setting.doc.to_owned()]].concat();
    let cells: Vec<_> = columns.iter().map(|cell| cell.replace('|', "\\|")).collect();
    *out += &format!("| {} |\n", cells.join(" | "));
}

fn default(setting: &Setting) -> String {
    match setting.preset {
        Preset::Is(value) => format!("`{value}`"),
        Preset::Rule(rule) => rule.describe(),
        Preset::Unset(meaning) => meaning.to_owned(),
        Preset::Required => "none: it must be set".to_owned(),
    }
}

fn fields(setting: &Setting) -> Option<&'static [Setting]> {
    match setting.kind {
        Kind::Tables(fields) => Some(fields),
        _ => None,
    }
}
