//! Generates `impl Rules` from the `buf.validate` options of request messages and
//! of the messages inside them. A rule that is not supported fails the build.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use anyhow::{Result, bail};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::options::{Contract, extension, text};

pub fn render(pool: &DescriptorPool, contract: &Contract) -> Result<String> {
    let inputs = contract.services.iter().flat_map(|s| s.methods.iter().map(|m| m.input.as_str()));
    let inputs: BTreeSet<_> = inputs.collect();
    let mut messages = BTreeMap::new();
    for name in &inputs {
        collect(&pool.get_message_by_name(name).expect("an input of an RPC"), &mut messages);
    }
    let mut bodies = BTreeMap::new();
    for (name, message) in &messages {
        bodies.insert(name.as_str(), own_rules(pool, message)?);
    }
    let checked = with_rules(&messages, &bodies);
    let mut code = String::new();
    for (name, message) in messages.iter().filter(|(name, _)| inputs.contains(name.as_str()) || checked.contains(*name))
    {
        let mut body = bodies[name.as_str()].clone();
        for (field, inner) in message_fields(message).filter(|(_, inner)| checked.contains(inner.full_name())) {
            body += &nested(&field, &inner)?;
        }
        let path = name.replace('.', "::");
        let violations = if body.is_empty() { "_violations" } else { "violations" };
        writeln!(
            code,
            "impl crate::rules::Rules for crate::{path} {{\n    fn check(&self, {violations}: &mut crate::rules::Violations) {{\n{body}    }}\n}}"
        )?;
    }
    Ok(code)
}

/// The message and all of ours inside it, by name.
fn collect(message: &MessageDescriptor, messages: &mut BTreeMap<String, MessageDescriptor>) {
    if messages.insert(message.full_name().to_owned(), message.clone()).is_none() {
        message_fields(message).for_each(|(_, inner)| collect(&inner, messages));
    }
}

fn message_fields(message: &MessageDescriptor) -> impl Iterator<Item = (FieldDescriptor, MessageDescriptor)> {
    let fields: Vec<_> = message.fields().collect();
    fields.into_iter().filter_map(|field| match field.kind() {
        Kind::Message(inner) if inner.full_name().starts_with("fenzvideo.") => Some((field, inner)),
        _ => None,
    })
}

/// The messages that have a rule themselves or in a message inside them.
fn with_rules(messages: &BTreeMap<String, MessageDescriptor>, bodies: &BTreeMap<&str, String>) -> BTreeSet<String> {
    let own = messages.keys().filter(|name| !bodies[name.as_str()].is_empty());
    let mut found: BTreeSet<_> = own.cloned().collect();
    loop {
        let outer = messages.iter().filter(|(name, message)| {
            !found.contains(*name) && message_fields(message).any(|(_, inner)| found.contains(inner.full_name()))
        });
        let outer: Vec<_> = outer.map(|(name, _)| name.clone()).collect();
        if outer.is_empty() {
            return found;
        }
        found.extend(outer);
    }
}

/// The checks of a message's own fields.
fn own_rules(pool: &DescriptorPool, message: &MessageDescriptor) -> Result<String> {
    message.fields().map(|field| field_rules(pool, &field)).collect()
}

/// The check of the messages in a field.
fn nested(field: &FieldDescriptor, inner: &MessageDescriptor) -> Result<String> {
    let (name, json) = (field.name(), field.json_name());
    if field.is_map() {
        bail!("{}: the rules of {} are not checked in a map", field.full_name(), inner.full_name());
    }
    if !field.is_list() {
        return Ok(format!(
            "        if let Some(value) = &self.{name} {{ violations.message({json:?}, None, value); }}\n"
        ));
    }
    let rules = extension(field.parent_pool(), &field.options(), "buf.validate.field")?;
    let repeated = rules.as_message().and_then(|rules| Some(rules.get_field_by_name("repeated")?.into_owned()));
    let max_items =
        repeated.as_ref().and_then(Value::as_message).and_then(|r| r.get_field_by_name("max_items")?.as_u64());
    let Some(max_items @ 1..) = max_items else {
        bail!("{}: a list whose items are checked needs `max_items`", field.full_name());
    };
    Ok(format!("        violations.messages({json:?}, &self.{name}, {max_items});\n"))
}

fn field_rules(pool: &DescriptorPool, field: &FieldDescriptor) -> Result<String> {
    let options = field.options();
    let rules = extension(pool, &options, "buf.validate.field")?;
    let rules = rules.as_message().expect("a message");
    let mut checks = checks(rules, field, "value")?;
    if field.kind() == Kind::String {
        // PostgreSQL cannot store it, and nothing needs it.
        checks += if field.is_list() { "for value in value { field.no_nul(value); }" } else { "field.no_nul(value);" };
    }
    if field.is_list() && !checks.is_empty() && !checks.contains("field.max_items(") {
        bail!("{}: a list whose items are checked needs `max_items`", field.full_name());
    }
    let required = rules.get_field_by_name("required").and_then(|v| v.as_bool()).unwrap_or_default();
    if checks.is_empty() && !required {
        return Ok(String::new());
    }
    let reason = match text(&extension(pool, &options, "fenzvideo.options.v1.reason")?) {
        reason if reason.is_empty() => "InvalidParams".to_owned(),
        // `TAG_LIMIT_EXCEEDED` is `TagLimitExceeded`.
        reason => reason.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect(),
    };
    let name = field.name();
    let json = field.json_name();
    let presence = field.supports_presence();
    let mut code = String::new();
    writeln!(code, "        let field = violations.field({json:?}, fenz_core::Reason::{reason});")?;
    if required {
        if presence {
            writeln!(code, "        field.required(self.{name}.is_some());")?;
        } else {
            bail!("{}: `required` needs an optional field here", field.full_name());
        }
    }
    if !checks.is_empty() {
        if presence {
            writeln!(code, "        if let Some(value) = &self.{name} {{\n            {checks}\n        }}")?;
        } else {
            writeln!(code, "        let value = &self.{name};\n        {checks}")?;
        }
    }
    Ok(code)
}

/// The calls on `field` that check the variable `value`.
fn checks(rules: &DynamicMessage, field: &FieldDescriptor, value: &str) -> Result<String> {
    let mut code = String::new();
    for (kind, rules) in rules.fields() {
        let Value::Message(rules) = rules else { continue };
        for (rule, setting) in rules.fields() {
            code += &check(kind.name(), rule.name(), setting, field, value)?;
        }
    }
    Ok(code)
}

fn check(kind: &str, rule: &str, setting: &Value, field: &FieldDescriptor, value: &str) -> Result<String> {
    Ok(match (kind, rule) {
        ("string", "min_len" | "max_len") => {
            format!("field.{rule}({value}, {});", setting.as_u64().unwrap_or_default())
        }
        ("string", "pattern") => {
            let pattern = text(setting);
            format!(
                "{{ static PATTERN: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| regex::Regex::new({pattern:?}).expect(\"checked by the build\")); field.pattern({value}, &PATTERN); }}"
            )
        }
        ("string", "in") => {
            let allowed: Vec<_> = setting.as_list().unwrap_or_default().iter().map(text).collect();
            format!("field.one_of({value}, &{allowed:?});")
        }
        ("string", "email") => format!("field.email({value});"),
        ("int32" | "int64" | "double", "gt" | "gte" | "lte") => {
            let bound = match setting {
                Value::I32(n) => i64::from(*n).to_string(),
                Value::I64(n) => n.to_string(),
                other => bail!("{}: {kind}.{rule} of {other:?} is not generated", field.full_name()),
            };
            format!("field.{rule}(i64::from(*{value}), {bound});")
        }
        // The checks after it see an empty list when there are too many items.
        ("repeated", "max_items") => {
            format!("let value = field.max_items({value}, {});", setting.as_u64().unwrap_or_default())
        }
        ("repeated", "unique") => format!("field.unique({value});"),
        ("repeated", "items") => {
            let items = checks(setting.as_message().expect("a message"), field, "value")?;
            debug_assert!(field.is_list() && !matches!(field.kind(), Kind::Message(_)));
            format!("for value in {value} {{ {items} }}")
        }
        _ => bail!("{}: the rule {kind}.{rule} is not generated", field.full_name()),
    })
}
