// Renders /openapi.json as a reference: operations by tag, parameters, bodies, answers, schemas and a curl call for each.
// Plain DOM calls only, so nothing in the document can become markup.
"use strict";

const el = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
};

const resolve = (spec, node) => {
  let seen = 0;
  while (node && node.$ref && seen++ < 20) {
    node = node.$ref.slice(2).split("/").reduce((at, key) => at && at[key], spec);
  }
  return node || {};
};

const refName = (node) => (node && node.$ref ? node.$ref.split("/").pop() : null);

const typeOf = (schema) => {
  if (!schema) return "any";
  const name = refName(schema);
  if (name) return el("a", { href: "#schema-" + name }, name);
  for (const key of ["oneOf", "allOf", "anyOf"]) {
    if (schema[key]) {
      const parts = schema[key].map(typeOf).flatMap((part, i) => (i ? [key === "allOf" ? " & " : " | ", part] : [part]));
      return el("span", {}, parts);
    }
  }
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  const kinds = [].concat(schema.type || "any").join(" | ");
  if (schema.items) return el("span", {}, "array of ", typeOf(schema.items));
  return schema.format ? kinds + " (" + schema.format + ")" : kinds;
};

const bounds = (schema) =>
  ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "default"]
    .filter((key) => schema && schema[key] !== undefined)
    .map((key) => key + " " + JSON.stringify(schema[key]))
    .join(", ");

const table = (heads, rows) =>
  el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((h) => el("th", { scope: "col" }, h)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));

// A value that fits a schema, for the curl calls.
const sample = (spec, schema, depth) => {
  const s = resolve(spec, schema);
  if (s.example !== undefined) return s.example;
  if (depth > 5) return null;
  if (s.allOf) return Object.assign({}, ...s.allOf.map((part) => sample(spec, part, depth + 1)));
  if (s.oneOf) return sample(spec, s.oneOf[0], depth + 1);
  if (s.enum) return s.enum[0];
  const kind = [].concat(s.type || "object")[0];
  if (kind === "object") {
    const wanted = s.required || [];
    const entries = Object.entries(s.properties || {}).filter(([name]) => wanted.includes(name));
    return Object.fromEntries(entries.map(([name, inner]) => [name, sample(spec, inner, depth + 1)]));
  }
  if (kind === "array") return s.items ? [sample(spec, s.items, depth + 1)] : [];
  if (kind === "integer" || kind === "number") return s.minimum || 1;
  if (kind === "boolean") return true;
  if (s.format === "date-time") return "2026-01-31T12:00:00Z";
  if (s.format === "uuid") return "0192f0c1-2345-7abc-8def-0123456789ab";
  return "…";
};

const curl = (spec, method, path, operation) => {
  const lines = ["curl -sS" + (method === "get" ? "" : " -X " + method.toUpperCase()) + " " + location.origin + path];
  if ((operation.security || []).length) lines.push('-H "Authorization: Bearer $TOKEN"');
  for (const parameter of operation.parameters || []) {
    if (parameter.in === "header" && parameter.required) {
      lines.push("-H '" + parameter.name + ": " + (parameter.example || "…") + "'");
    }
  }
  const content = operation.requestBody && operation.requestBody.content;
  if (content) {
    const media = Object.keys(content)[0];
    const body = content[media].example !== undefined ? content[media].example : sample(spec, content[media].schema, 0);
    lines.push("-H 'Content-Type: " + media + "'", "-d '" + JSON.stringify(body) + "'");
  }
  return el("pre", {}, lines.join(" \\\n  "));
};

const operationOf = (spec, path, method, operation) => {
  const id = operation.operationId || method + path;
  const parts = [el("h3", { id }, el("span", { class: "verb" }, method.toUpperCase()), " ", path)];
  const says = [operation.summary, operation.description].filter(Boolean).join(" ");
  if (says) parts.push(el("p", {}, says));
  const scopes = (operation.security || []).flatMap((s) => Object.values(s).flat());
  if (scopes.length) parts.push(el("p", { class: "small soft" }, "Scope: " + scopes.join(", ")));
  const parameters = operation.parameters || [];
  if (parameters.length) {
    parts.push(table(["Parameter", "In", "Type", "Meaning"], parameters.map((p) => [
      el("code", {}, p.name + (p.required ? "" : "?")), p.in, typeOf(p.schema),
      [p.description, bounds(p.schema)].filter(Boolean).join(" · "),
    ])));
  }
  const content = operation.requestBody && operation.requestBody.content;
  if (content) {
    parts.push(table(["Body", "Type"], Object.entries(content).map(([m, c]) => [el("code", {}, m), typeOf(c.schema)])));
  }
  parts.push(table(["Answer", "Meaning", "Body"], Object.entries(operation.responses || {}).map(([status, r]) => {
    const response = resolve(spec, r);
    const media = Object.values(response.content || {})[0];
    return [status, response.description || "", media ? typeOf(media.schema) : ""];
  })));
  parts.push(el("details", {}, el("summary", {}, "curl"), curl(spec, method, path, operation)));
  return el("article", {}, parts);
};

const schemaOf = (spec, name, schema) => {
  const all = (schema.allOf || [schema]).map((part) => (part.$ref ? resolve(spec, part) : part));
  const rows = all.flatMap((part) => Object.entries(part.properties || {}).map(([member, inner]) => [
    el("code", {}, member + ((part.required || []).includes(member) ? "" : "?")), typeOf(inner),
    [inner.description, bounds(inner)].filter(Boolean).join(" · "),
  ]));
  const body = rows.length ? table(["Member", "Type", "Meaning"], rows) : el("p", {}, typeOf(schema));
  return el("article", { id: "schema-" + name }, el("h3", {}, name), el("p", {}, schema.description || ""), body);
};

const render = (spec) => {
  const index = document.getElementById("index");
  const reference = document.getElementById("reference");
  reference.replaceChildren(el("h1", {}, spec.info.title + " " + spec.info.version), el("p", {}, spec.info.description || ""));
  for (const tag of spec.tags || []) {
    reference.append(el("h2", {}, tag.name), el("p", { class: "soft" }, tag.description || ""));
    index.append(el("h3", {}, tag.name));
    for (const [path, item] of Object.entries(spec.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (!(operation.tags || []).includes(tag.name)) continue;
        reference.append(operationOf(spec, path, method, operation));
        index.append(el("a", { href: "#" + (operation.operationId || method + path) }, method.toUpperCase() + " " + path));
      }
    }
  }
  reference.append(el("h2", {}, "Schemas"));
  for (const [name, schema] of Object.entries(spec.components.schemas)) reference.append(schemaOf(spec, name, schema));
};

fetch("/openapi.json")
  .then((response) => response.json())
  .then(render)
  .catch((error) => document.getElementById("reference").replaceChildren(el("p", {}, "openapi.json could not be read: " + error)));
