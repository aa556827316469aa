use proptest::prelude::*;

use crate::policy::pattern::{self, Level, MAX_LEVELS, Pattern, Word};
use crate::policy::{filter::Filter, wildcard};

/// The definition, level by level: does `pattern` (with `*` and `#`) match `key`?
pub(super) fn slow(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((&"#", rest)), _) => (0..=key.len()).any(|n| slow(rest, &key[n..])),
        (Some((&level, rest)), Some((&first, key))) => (level == "*" || level == first) && slow(rest, key),
        (Some(_), None) => false,
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split('.').filter(|_| !text.is_empty()).collect()
}

/// All keys of at most `most` words.
pub(super) fn keys(words: &[&str], most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = vec![String::new()];
    for _ in 0..most {
        let longer = |key: &String| {
            let join = |word: &&str| if key.is_empty() { (*word).to_owned() } else { format!("{key}.{word}") };
            words.iter().map(join).collect::<Vec<_>>()
        };
        longest = longest.iter().flat_map(longer).collect();
        all.extend(longest.clone());
    }
    all
}

fn compiled(text: &str, hides_dollar: bool) -> Pattern {
    let level = |level: &str| match level {
        "*" => Level::One,
        "#" => Level::Rest,
        text => Level::Text(text.as_bytes().into()),
    };
    Pattern::new(text.split('.').map(level).collect(), hides_dollar).unwrap()
}

fn hidden(pattern: &str, key: &str) -> bool {
    pattern.starts_with(['*', '#']) && key.starts_with('$')
}

const RULE: &str = "([ab*]|\\$s){1,1}(\\.[ab*]){0,2}(\\.#)?|#";
const SUBSCRIPTION: &str = "([ab*#]|\\$s)(\\.([ab*#]|\\$s)){0,2}";

proptest! {
    #[test]
    fn keys_match_as_defined(rule in RULE, key in "(([abz]|\\$s)(\\.([abz*#]|\\$s)){0,4})?", hides: bool) {
        let expected = slow(&split(&rule), &split(&key)) && !(hides && hidden(&rule, &key));
        prop_assert_eq!(compiled(&rule, hides).overlaps(&pattern::key(key.as_bytes())), expected);
    }

    /// A word of a common key stands for a level of one of the two patterns, so none is longer than five.
    #[test]
    fn patterns_overlap_if_they_have_a_key_in_common(rule in RULE, subscription in SUBSCRIPTION, hides: bool) {
        let common = |key: &String| {
            slow(&split(&rule), &split(key)) && slow(&split(&subscription), &split(key))
                && !(hides && hidden(&rule, key))
        };
        let expected = keys(&["a", "b", "z", "$s"], 5).iter().any(common);
        prop_assert_eq!(compiled(&rule, hides).overlaps(&pattern::subscription(subscription.as_bytes())), expected);
    }

    #[test]
    fn patterns_cover_what_has_no_key_outside(rule in RULE, subscription in SUBSCRIPTION) {
        let (rule_levels, levels) = (split(&rule), split(&subscription));
        let inside = |key: &String| !slow(&levels, &split(key)) || slow(&rule_levels, &split(key));
        let expected = keys(&["a", "z", "b", "$s"], 6).iter().all(inside);
        prop_assert_eq!(compiled(&rule, false).covers(&pattern::subscription(subscription.as_bytes())), expected);
    }

    #[test]
    fn mqtt_filters_are_the_keys_that_mqtt_makes(filter in "([a.*$]{1,3}|\\+)(/([a.*]{0,3}|\\+)){0,3}(/#)?", topic in "[a/.*]{1,8}") {
        prop_assume!(!filter.starts_with("$queue/") && !filter.contains("$queue"));
        let pattern = Filter::parse(&filter).unwrap().pattern(None, b"", false).unwrap();
        let key = mqtt::topic::key(topic.as_bytes());
        let levels: Vec<_> = filter.split('/').map(|level| if level == "+" { "\0one" } else { level }).collect();
        let topic_levels: Vec<_> = topic.split('/').collect();
        prop_assert_eq!(pattern.overlaps(&pattern::key(&key)), mqtt_matches(&levels, &topic_levels));
    }
}

fn mqtt_matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter.split_first(), topic.split_first()) {
        (Some((&"#", _)), _) => true,
        (None, None) => true,
        (Some((&level, filter)), Some((&first, topic))) => {
            (level == "\0one" || level == first) && mqtt_matches(filter, topic)
        }
        _ => false,
    }
}

#[test]
fn wildcards_of_activemq() {
    for (pattern, key) in
        [("a.>", "a"), ("a.>", "a.b.c"), (">", "a"), ("*.b", "a.b"), ("a", "a"), ("a.*.c", "a.b.c"), ("a..b", "a..b")]
    {
        assert!(wildcard::parse(pattern).unwrap().overlaps(&pattern::key(key.as_bytes())), "{pattern} {key}");
    }
    for (pattern, key) in [("a.>", "b"), ("*", "a.b"), ("a.*", "a"), ("a", "a.b"), ("a", "A")] {
        assert!(!wildcard::parse(pattern).unwrap().overlaps(&pattern::key(key.as_bytes())), "{pattern} {key}");
    }
    for wrong in ["", "a.>.b", "a*", "a.b>", "a.#", &"a.".repeat(MAX_LEVELS)] {
        assert!(wildcard::parse(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn filters_of_mqtt() {
    for wrong in ["", "a/#/b", "a+", "a/b#", "a/x%c", "%u%c", "a\0", "$queue/a+", "$queue/%c", &"a/".repeat(MAX_LEVELS)]
    {
        assert!(Filter::parse(wrong).is_none(), "{wrong}");
    }
    for fine in ["#", "+", "/", "a//b", "$SYS/#", "%c", "a/%u/+/#", "$queue/#", "$queue/a/b", "$queue/"] {
        assert!(Filter::parse(fine).is_some(), "{fine}");
    }
}

#[test]
fn very_long_keys_are_looked_at_once() {
    let key = "a.".repeat(32_000) + "b";
    let all = "*.".repeat(MAX_LEVELS - 1) + "#";
    assert!(compiled(&all, false).overlaps(&pattern::key(key.as_bytes())));
    let rests = "#.".repeat(32_000) + "b";
    assert!(compiled(&all, true).overlaps(&pattern::subscription(rests.as_bytes())));
    assert!(!compiled("a.b", false).overlaps(&pattern::key(key.as_bytes())));
    assert_eq!(pattern::key(b"").len(), 0);
    assert_eq!(pattern::subscription(b"*.#.x").as_slice(), [Word::Any, Word::Rest, Word::Text(b"x")]);
}
