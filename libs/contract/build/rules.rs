//! Generates `impl Rules` for every request message from its `buf.validate`
//! options. A rule that is not generated stops the build.

use std::fmt::Write;

use anyhow::{Result, bail};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, Value};

use crate::options::{Contract, extension, text};

pub fn render(pool: &DescriptorPool, contract: &Contract) -> Result<String> {
    let mut code = String::new();
    let mut inputs: Vec<_> = contract.services.iter().flat_map(|s| s.methods.iter().map(|m| &m.input)).collect();
    inputs.sort();
    inputs.dedup();
    for name in inputs {
        let message = pool.get_message_by_name(name).expect("an input of an RPC");
        let mut body = String::new();
        for field in message.fields() {
            body += &field_rules(pool, &field)?;
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
        bail!("{}: the entries of a list are looked at, so it needs `max_items`", field.full_name());
    }
    let required = rules.get_field_by_name("required").and_then(|v| v.as_bool()).unwrap_or_default();
    if checks.is_empty() && !required {
        return Ok(String::new());
    }
    let reason = match text(&extension(pool, &options, "fenzvideo.options.v1.reason")?) {
        reason if reason.is_empty() => "INVALID_PARAMS".to_owned(),
        reason => reason,
    };
    let name = field.name();
    let json = field.json_name();
    let presence = field.supports_presence();
    let mut code = String::new();
    writeln!(code, "        let field = violations.field({json:?}, {reason:?});")?;
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

/// Calls on `field` for the rules, on the variable `value`.
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
        // What follows sees an empty list where there are too many.
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
