// Shows JSON schemas, and makes examples of them.

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

/** Running text in which `…` is code. */
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
  const said = [];
  const { minLength, maxLength, minimum, maximum, exclusiveMinimum, maxItems, uniqueItems, pattern } = schema;
  if (minLength !== undefined && maxLength !== undefined) said.push(`${minLength} to ${maxLength} characters`);
  else if (maxLength !== undefined) said.push(`at most ${maxLength} characters`);
  else if (minLength !== undefined) said.push(`at least ${minLength} characters`);
  if (minimum !== undefined) said.push(`at least ${minimum}`);
  if (exclusiveMinimum !== undefined) said.push(`more than ${exclusiveMinimum}`);
  if (maximum !== undefined) said.push(`at most ${maximum}`);
  if (maxItems !== undefined) said.push(`at most ${maxItems} entries`);
  if (uniqueItems) said.push("no repeats");
  if (pattern) said.push(pattern);
  if (schema.enum && schema.enum.length <= 12) said.push(schema.enum.join(" | "));
  return said.join(", ");
}

/** One named value with what is known of it. */
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

/** A body to begin with: what is required, or everything where nothing is. */
export function example(contract, schema, depth = 0) {
  const { type, properties, items, required, ...more } = resolve(contract, schema);
  if (properties) {
    const wanted = Object.entries(properties).filter(([name]) => !required?.length || required.includes(name));
    return depth > 3 ? {} : Object.fromEntries(wanted.map(([name, value]) => [name, example(contract, value, depth + 1)]));
  }
  if (more.enum) return more.enum[0];
  if (type === "array") return [];
  if (type === "boolean") return true;
  if (type === "integer" || type === "number") return more.minimum ?? 0;
  return more.format === "int64" ? "0" : "";
}
