use std::fmt::Write;

use crate::json::VERSION;
use crate::management::ManagementOptions;

/// The start page: what this is and where to look. It needs nothing from elsewhere.
pub(super) fn render(options: &ManagementOptions) -> String {
    let mut page = format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Causeway</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff }}
code {{ font-family: ui-monospace, monospace }}
@media (prefers-color-scheme: dark) {{ body {{ color: #ddd; background: #181818 }} a {{ color: #8bf }} }}
</style>
</head>
<body>
<h1>Causeway {VERSION}</h1>
<p>A message broker. This face shows; <code>causeway --help</code> lists the commands that change.</p>
<ul>
"#
    );
    for (path, what) in [
        ("/health", "whether it serves"),
        ("/metrics", "numbers for Prometheus"),
        ("/api/status", "totals"),
        ("/api/queues", "queues"),
        ("/api/topics", "topics"),
        ("/api/connections", "who is connected"),
    ] {
        let _ = writeln!(page, r#"<li><a href="{path}"><code>{path}</code></a>: {what}</li>"#);
    }
    page.push_str("</ul>\n");
    if !options.listeners.is_empty() {
        page.push_str("<h2>Listeners</h2>\n<ul>\n");
        for listener in &options.listeners {
            let _ = writeln!(page, "<li>{}</li>", escaped(listener));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_escapes() {
        let page =
            render(&ManagementOptions { listeners: vec!["<mqtt> & \"co\"".into()], ..ManagementOptions::default() });
        assert!(page.contains("<li>&lt;mqtt&gt; &amp; &quot;co&quot;</li>"), "{page}");
        assert!(page.contains(r#"<a href="/api/queues">"#) && page.ends_with("</html>\n"));
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="), "external resources");
        assert!(!render(&ManagementOptions::default()).contains("Listeners"));
    }
}
