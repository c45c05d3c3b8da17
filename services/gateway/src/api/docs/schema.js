// Renders JSON schemas and example values.

/** An element with attributes and children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

/** Text in which `…` is code. */
export function prose(text = "") {
  return text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

/** The schema that a reference points at. */
export function resolve(contract, schema = {}) {
  if (!schema.$ref) return schema;
  return schema.$ref.replace("#/", "").split("/").reduce((at, key) => at?.[key], contract) ?? {};
}

function nameOfType(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop().split(".").pop();
  if (schema.type === "array") return `${nameOfType(schema.items ?? {})}[]`;
  return schema.format && schema.format !== "binary" ? `${schema.type} (${schema.format})` : schema.format ?? schema.type ?? "any";
}

function rules(schema) {
  const parts = [];
  const { minLength, maxLength, minimum, maximum, exclusiveMinimum, maxItems, uniqueItems, pattern } = schema;
  if (minLength !== undefined && maxLength !== undefined) parts.push(`${minLength} to ${maxLength} characters`);
  else if (maxLength !== undefined) parts.push(`at most ${maxLength} characters`);
  else if (minLength !== undefined) parts.push(`at least ${minLength} characters`);
  if (minimum !== undefined) parts.push(`at least ${minimum}`);
  if (exclusiveMinimum !== undefined) parts.push(`more than ${exclusiveMinimum}`);
  if (maximum !== undefined) parts.push(`at most ${maximum}`);
  if (maxItems !== undefined) parts.push(`at most ${maxItems} entries`);
  if (uniqueItems) parts.push("no repeats");
  if (pattern) parts.push(pattern);
  if (schema.enum && schema.enum.length <= 12) parts.push(schema.enum.join(" | "));
  return parts.join(", ");
}

/** One field with its type, rules and description. */
export function field(contract, name, schema, required, seen = []) {
  const inner = schema.type === "array" ? schema.items ?? {} : schema;
  const described = schema.description ?? (schema.$ref ? undefined : resolve(contract, schema).description);
  const parts = [
    h("span", { class: "name" }, name),
    h("span", { class: "type" }, nameOfType(schema)),
    required ? h("span", { class: "must" }, "required") : undefined,
    h("span", { class: "rules" }, rules(schema)),
    described ? h("p", {}, prose(described)) : undefined,
  ];
  const target = resolve(contract, inner);
  if (target.properties && !seen.includes(inner.$ref)) parts.push(fields(contract, inner, [...seen, inner.$ref]));
  return h("div", { class: "field" }, parts);
}

/** The fields of an object. */
export function fields(contract, schema, seen = [schema.$ref]) {
  const object = resolve(contract, schema);
  const entries = Object.entries(object.properties ?? {});
  if (!entries.length) return h("p", { class: "fields" }, "No fields.");
  const required = object.required ?? [];
  return h("div", { class: "fields" }, entries.map(([name, value]) => field(contract, name, value, required.includes(name), seen)));
}

/** An example body: the required fields, or all fields if none is required. */
export function example(contract, schema, depth = 0) {
  const { type, properties, items, required, ...more } = resolve(contract, schema);
  if (properties) {
    const included = Object.entries(properties).filter(([name]) => !required?.length || required.includes(name));
    return depth > 3 ? {} : Object.fromEntries(included.map(([name, value]) => [name, example(contract, value, depth + 1)]));
  }
  if (more.enum) return more.enum[0];
  if (type === "array") return [];
  if (type === "boolean") return true;
  if (type === "integer" || type === "number") return more.minimum ?? 0;
  return more.format === "int64" ? "0" : "";
}
