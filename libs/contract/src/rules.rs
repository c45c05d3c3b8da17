//! The field rules of the contract, and the error for violations.

use std::sync::LazyLock;

use fenz_core::{Error, Reason, Result};
use regex::Regex;

mod generated {
    #![allow(clippy::all, clippy::pedantic, unused_variables)]
    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
}

/// The most violations in one error, which bounds its size.
pub const MOST: usize = 32;

/// A request message with rules. Implemented by the build.
pub trait Rules {
    fn check(&self, violations: &mut Violations);
}

/// Checks a message.
///
/// # Errors
/// One that lists the violations, at most [`MOST`]; its reason is that of the
/// first.
pub fn validate(message: &impl Rules) -> Result<()> {
    let mut violations = Violations::default();
    message.check(&mut violations);
    match violations.found.first() {
        None => Ok(()),
        Some(first) => Err(refuse(first.reason, violations.found)),
    }
}

/// The error for violations.
#[must_use]
pub fn refuse(reason: Reason, violations: Vec<Violation>) -> Error {
    let message = match &violations[..] {
        [only] => format!("{} {}", only.field, only.description),
        many => format!("{} fields are not valid", many.len()),
    };
    let mut error = Error::new(reason, message);
    error.violations = violations.into_iter().map(|v| (v.field, v.description)).collect();
    error
}

/// A violated rule.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The path of JSON names, such as `videos[3].title`.
    pub field: String,
    pub reason: Reason,
    /// Completes a sentence that begins with the field: "must be at least 3
    /// characters long".
    pub description: String,
}

/// The violations found so far.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<Violation>,
    current: Field,
    /// The fields that lead to the message under check, with the index in a list.
    path: Vec<(&'static str, Option<usize>)>,
}

/// The field under check.
#[derive(Debug, Default, Clone, Copy)]
struct Field {
    name: &'static str,
    reason: Reason,
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$")
        .expect("a valid pattern")
});

impl Violations {
    fn field(&mut self, name: &'static str, reason: Reason) -> &mut Self {
        self.current = Field { name, reason };
        self
    }

    fn refuse_unless(&mut self, good: bool, description: impl FnOnce() -> String) {
        if !good && self.found.len() < MOST {
            let Field { name, reason } = self.current;
            let mut field = String::new();
            for (name, index) in &self.path {
                field += name;
                field += &index.map(|index| format!("[{index}]")).unwrap_or_default();
                field += ".";
            }
            self.found.push(Violation { field: field + name, reason, description: description() });
        }
    }

    /// Checks the messages in a list; none of a list that is too long.
    fn messages<T: Rules>(&mut self, field: &'static str, messages: &[T], most: usize) {
        if messages.len() > most {
            return;
        }
        for (index, message) in messages.iter().enumerate() {
            if self.found.len() == MOST {
                return;
            }
            self.message(field, Some(index), message);
        }
    }

    /// Checks a message in a field.
    fn message(&mut self, field: &'static str, index: Option<usize>, message: &impl Rules) {
        self.path.push((field, index));
        message.check(self);
        self.path.pop();
    }

    fn required(&mut self, present: bool) {
        self.refuse_unless(present, || "is required".to_owned());
    }

    fn min_len(&mut self, value: &str, least: usize) {
        let n = value.chars().count();
        self.refuse_unless(n >= least, || match (n, least) {
            (0, _) => "is required".to_owned(),
            _ => format!("must be at least {least} characters long"),
        });
    }

    fn max_len(&mut self, value: &str, most: usize) {
        self.refuse_unless(value.chars().count() <= most, || format!("must be at most {most} characters long"));
    }

    fn no_nul(&mut self, value: &str) {
        self.refuse_unless(!value.contains('\0'), || "must not contain the character NUL".to_owned());
    }

    fn pattern(&mut self, value: &str, pattern: &Regex) {
        self.refuse_unless(pattern.is_match(value), || format!("must match {pattern}"));
    }

    fn one_of(&mut self, value: &str, allowed: &[&str]) {
        self.refuse_unless(allowed.contains(&value), || format!("must be one of {}", allowed.join(", ")));
    }

    fn email(&mut self, value: &str) {
        self.refuse_unless(EMAIL.is_match(value), || "must be an email address".to_owned());
    }

    fn gt(&mut self, value: i64, bound: i64) {
        self.refuse_unless(value > bound, || match (value, bound) {
            (0, 0) => "is required".to_owned(),
            _ => format!("must be greater than {bound}"),
        });
    }

    fn gte(&mut self, value: i64, bound: i64) {
        self.refuse_unless(value >= bound, || format!("must be at least {bound}"));
    }

    fn lte(&mut self, value: i64, bound: i64) {
        self.refuse_unless(value <= bound, || format!("must be at most {bound}"));
    }

    /// The items to check: none of a list that is too long.
    fn max_items<'a, T>(&mut self, values: &'a [T], most: usize) -> &'a [T] {
        self.refuse_unless(values.len() <= most, || format!("must have at most {most} entries"));
        if values.len() <= most { values } else { &[] }
    }

    fn unique<T: PartialEq>(&mut self, values: &[T]) {
        let repeats = values.iter().enumerate().any(|(i, v)| values[..i].contains(v));
        // The field's own reason, such as TAG_LIMIT_EXCEEDED, is about its length.
        let reason = std::mem::replace(&mut self.current.reason, Reason::InvalidParams);
        self.refuse_unless(!repeats, || "must not repeat an entry".to_owned());
        self.current.reason = reason;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::v1::RegisterRequest,
        content::v1::{CreateVideoRequest, ImportVideosRequest, ImportedVideo},
    };

    fn register() -> RegisterRequest {
        RegisterRequest {
            username: "ann_1".into(),
            email: "ann@example.org".into(),
            password: "correct horse".into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_good_request_passes() {
        assert!(validate(&register()).is_ok());
    }

    #[test]
    fn every_violating_field_is_listed() {
        let error =
            validate(&RegisterRequest { username: "a b".into(), email: "xyz".into(), ..register() }).unwrap_err();
        let fields: Vec<_> = error.violations.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["username", "email"]);
        assert_eq!(error.reason, Reason::InvalidParams);
    }

    #[test]
    fn the_items_of_a_list_that_is_too_long_are_not_checked() {
        // As many as fit into the largest body, all of them invalid.
        let tags = vec![0; 500_000];
        let request = CreateVideoRequest { title: "t".into(), video_upload_id: 1, tag_ids: tags, ..Default::default() };
        let mut violations = Violations::default();
        request.check(&mut violations);
        let found: Vec<_> = violations.found.iter().map(|v| (v.field.as_str(), v.description.as_str())).collect();
        assert_eq!(found, [("tagIds", "must have at most 5 entries")]);
    }

    #[test]
    fn the_number_of_violations_is_bounded() {
        let mut violations = Violations::default();
        (0..2 * MOST).for_each(|_| violations.refuse_unless(false, || "is wrong".to_owned()));
        assert_eq!(violations.found.len(), MOST);
    }

    #[test]
    fn a_field_can_name_its_own_reason() {
        let request = CreateVideoRequest {
            title: "t".into(),
            video_upload_id: 1,
            tag_ids: vec![1, 2, 3, 4, 5, 6],
            ..Default::default()
        };
        assert_eq!(validate(&request).unwrap_err().reason, Reason::TagLimitExceeded);
    }

    fn found(message: &impl Rules) -> Vec<(String, Reason)> {
        let mut violations = Violations::default();
        message.check(&mut violations);
        violations.found.into_iter().map(|v| (v.field, v.reason)).collect()
    }

    fn imported(key: &str) -> ImportedVideo {
        ImportedVideo { import_key: key.into(), owner_id: 1, title: "t".into(), ..Default::default() }
    }

    #[test]
    fn messages_in_lists_are_checked_and_named_by_index() {
        let mut videos = vec![imported("a"), imported("b/1"), imported("c")];
        assert!(found(&ImportVideosRequest { videos: videos.clone() }).is_empty());
        videos[1].title = "\0".into();
        videos[2].import_key = "no spaces".into();
        videos[2].owner_id = 0;
        videos[2].tag_ids = vec![1, 2, 3, 4, 5, 6];
        let expected = [
            ("videos[1].title", Reason::InvalidParams),
            ("videos[2].importKey", Reason::InvalidParams),
            ("videos[2].ownerId", Reason::InvalidParams),
            ("videos[2].tagIds", Reason::TagLimitExceeded),
        ];
        let request = ImportVideosRequest { videos };
        assert_eq!(found(&request), expected.map(|(field, reason)| (field.to_owned(), reason)));
        let violations = validate(&request).unwrap_err().violations;
        assert_eq!(violations[0], ("videos[1].title".to_owned(), "must not contain the character NUL".to_owned()));
    }

    #[test]
    fn the_violations_of_many_messages_are_bounded() {
        let request = |count| ImportVideosRequest { videos: vec![ImportedVideo::default(); count] };
        assert_eq!(found(&request(1_000)).len(), MOST);
        assert_eq!(found(&request(1_001)), [("videos".to_owned(), Reason::InvalidParams)]);
    }

    #[test]
    fn nested_messages_are_named_by_their_path() {
        struct Inner;
        struct Outer(Inner);
        impl Rules for Inner {
            fn check(&self, violations: &mut Violations) {
                violations.field("name", Reason::InvalidParams).required(false);
            }
        }
        impl Rules for Outer {
            fn check(&self, violations: &mut Violations) {
                violations.message("inner", None, &self.0);
            }
        }
        let mut violations = Violations::default();
        violations.messages("outers", &[Outer(Inner)], 1);
        violations.field("last", Reason::InvalidParams).required(false);
        let fields: Vec<_> = violations.found.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["outers[0].inner.name", "last"]);
    }
}
