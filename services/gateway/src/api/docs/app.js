// Shows the OpenAPI document and sends requests to its operations.

import { example, field, fields, h, prose } from "./schema.js";

const METHODS = ["get", "head", "post", "put", "patch", "delete"];
const ACCESS_LABELS = { public: "anyone", user: "signed in", moderator: "moderators", admin: "administrators" };
const token = document.getElementById("token");

/** Operations by tag, in the order of the tags. */
function grouped(contract) {
  const groups = new Map((contract.tags ?? []).map((tag) => [tag.name, { ...tag, operations: [] }]));
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const name = item[method].tags?.[0] ?? "Other";
      if (!groups.has(name)) groups.set(name, { name, operations: [] });
      groups.get(name).operations.push({ path, method, ...item[method] });
    }
  }
  return [...groups.values()].filter((group) => group.operations.length);
}

const idOf = ({ method, path }) => `${method}${path.replace(/[^A-Za-z0-9]+/g, "-")}`;
const verb = ({ method }) => h("span", { class: `verb ${method}` }, method.toUpperCase());

function responses(contract, operation) {
  return Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
    const headers = Object.entries(response.headers ?? {});
    return h("div", { class: "field" },
      h("span", { class: "name" }, status === "default" ? "otherwise" : status),
      h("span", { class: "type" }, type ?? ""),
      h("p", {}, prose(response.description)),
      headers.length ? h("div", { class: "fields" }, headers.map(([name, header]) =>
        field(contract, name, { ...header.schema, description: header.description }, false))) : undefined,
      media?.schema?.$ref ? h("details", {}, h("summary", {}, media.schema.$ref.split(".").pop()), fields(contract, media.schema)) : undefined);
  });
}

function inside(contract, operation) {
  const parameters = operation.parameters ?? [];
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  return h("div", { class: "inside" },
    (operation.description ?? "").split("\n\n").map((text) => h("p", {}, prose(text))),
    parameters.length ? [h("h3", {}, "Parameters"), h("div", { class: "fields" }, parameters.map((p) =>
      field(contract, p.name, { ...p.schema, description: `In the ${p.in}. ${p.description ?? ""}` }, p.required)))] : [],
    media ? [h("h3", {}, "Body ", h("code", {}, type)), fields(contract, media.schema)] : [],
    h("h3", {}, "Responses"), h("div", { class: "fields" }, responses(contract, operation)),
    tryForm(contract, operation, parameters, type, media));
}

/** The form that sends a request. */
function tryForm(contract, operation, parameters, type, media) {
  const isForm = type === "multipart/form-data";
  const inputs = parameters.map((p) => [p, h("input", { id: `${idOf(operation)}-${p.name}`, spellcheck: "false" })]);
  const file = isForm ? h("input", { type: "file", "aria-label": "file" }) : undefined;
  const body = media && !isForm ? h("textarea", { spellcheck: "false", "aria-label": "Body" }) : undefined;
  if (body) body.value = JSON.stringify(example(contract, media.schema), null, 2);
  const output = h("div", { "aria-live": "polite" });
  const button = h("button", { type: "submit" }, "Send");
  const send = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await show(output, request(operation, inputs, body, file));
    } catch (error) {
      output.replaceChildren(h("p", { class: "bad" }, `No response: ${error.message}`));
    }
    button.disabled = false;
  };
  return h("form", { class: "try", onsubmit: send },
    h("h3", {}, "Try it"),
    inputs.map(([p, input]) => h("div", { class: "row" }, h("label", { for: input.id }, p.name), input)),
    file ? h("div", { class: "row" }, h("span", {}, "file"), file) : undefined,
    body ? h("p", {}, body) : undefined,
    button, output);
}

function request(operation, inputs, body, file) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const [parameter, { value }] of inputs) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "header") headers[parameter.name] = value;
    else if (value && parameter.schema?.type === "array") value.split(",").forEach((one) => query.append(parameter.name, one.trim()));
    else if (value) query.append(parameter.name, value);
  }
  if (token.value.trim()) headers.Authorization = `Bearer ${token.value.trim()}`;
  let payload = body?.value;
  if (body) headers["Content-Type"] = "application/json";
  if (file?.files[0]) {
    payload = new FormData();
    payload.append("file", file.files[0]);
  }
  const target = query.size ? `${path}?${query}` : path;
  return [target, { method: operation.method.toUpperCase(), headers, body: payload }];
}

async function show(output, [target, options]) {
  const began = performance.now();
  const response = await fetch(target, options);
  const type = response.headers.get("Content-Type") ?? "";
  let text;
  if (/^(video|image)\//.test(type)) {
    await response.body?.cancel();
    text = `(${type}, ${response.headers.get("Content-Length") ?? "?"} bytes)`;
  } else if (type.startsWith("text/event-stream")) {
    // Only the beginning: an event stream stays open.
    const reader = response.body.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    text = `${new TextDecoder().decode(value)}…`;
  } else {
    text = await response.text();
  }
  if (/[/+]json/.test(type)) {
    const reply = JSON.parse(text);
    if (reply.accessToken) token.value = reply.accessToken;
    text = JSON.stringify(reply, null, 2);
  }
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  output.replaceChildren(
    h("p", {}, h("span", { class: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`),
      ` in ${Math.round(performance.now() - began)} ms · ${options.method} `, h("code", {}, target)),
    h("details", {}, h("summary", {}, "Headers"), h("pre", {}, headers)),
    text ? h("pre", {}, text) : "");
}

function operationElement(contract, operation) {
  const access = operation["x-access"] ?? "public";
  const element = h("details", { class: "operation", id: idOf(operation) },
    h("summary", {}, verb(operation), h("span", { class: "path" }, operation.path),
      h("span", { class: "access" }, ACCESS_LABELS[access] ?? access), h("span", { class: "about" }, prose(operation.summary))));
  // Built on the first opening, so that the page loads quickly.
  element.addEventListener("toggle", () => element.append(inside(contract, operation)), { once: true });
  return element;
}

function render(contract) {
  document.getElementById("version").textContent = contract.info.version;
  const content = document.getElementById("content");
  const index = document.getElementById("index");
  content.replaceChildren(h("p", {}, prose(contract.info.description)));
  const entries = [];
  for (const group of grouped(contract)) {
    const section = h("section", {}, h("h2", {}, group.name), h("p", {}, prose(group.description)));
    const links = h("div", {}, h("h2", {}, group.name));
    for (const operation of group.operations) {
      const element = operationElement(contract, operation);
      const short = operation.path.replace(/^\/api\/v1/, "") || "/";
      const link = h("a", { href: `#${idOf(operation)}` }, verb(operation), short);
      section.append(element);
      links.append(link);
      const words = `${operation.method} ${operation.path} ${operation.summary ?? ""} ${group.name}`.toLowerCase();
      entries.push({ words, parts: [element, link], groups: [section, links] });
    }
    content.append(section);
    index.append(links);
  }
  document.getElementById("filter").addEventListener("input", ({ target }) => filter(entries, target.value));
  window.addEventListener("hashchange", open);
  open();
}

function filter(entries, text) {
  const words = text.toLowerCase().split(/\s+/);
  const filled = new Set();
  for (const entry of entries) {
    const fits = words.every((word) => entry.words.includes(word));
    entry.parts.forEach((part) => part.classList.toggle("hidden", !fits));
    if (fits) entry.groups.forEach((group) => filled.add(group));
  }
  for (const group of entries.flatMap((entry) => entry.groups)) group.classList.toggle("hidden", !filled.has(group));
}

/** Opens the operation in the URL fragment. */
function open() {
  const element = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (element?.classList.contains("operation")) {
    element.open = true;
    element.scrollIntoView();
  }
}

try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`${response.status}`);
  render(await response.json());
} catch (error) {
  document.getElementById("state").textContent = `The OpenAPI document could not be loaded: ${error.message}`;
}
