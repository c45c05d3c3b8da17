//! Generates, for each gRPC service, the wrapper that checks every call before
//! its handler runs, its REST side, and the tables of methods and raw routes.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use anyhow::Result;
use rest_over_grpc::build::{Generator, ServiceDefinition};

use crate::options::{Contract, Method, Service};

pub fn write(out: &Path, contract: &Contract, rest: Vec<ServiceDefinition>) -> Result<()> {
    let mut traits: BTreeMap<String, String> = BTreeMap::new();
    let mut transcoders = String::new();
    for definition in rest {
        let module = definition.module_name().to_owned();
        let name = snake(definition.trait_name());
        let mut generator = Generator::builder().emit_tonic_bridge(false).build();
        generator.add(definition);
        let (transcoder, outputs) = generator.generate()?;
        for output in outputs {
            traits.entry(module.clone()).or_default().push_str(&output.service_trait().to_string());
        }
        writeln!(transcoders, "pub mod {name} {{ use crate::fenzvideo;\n{transcoder}\n}}")?;
    }
    for (module, code) in traits {
        fs::write(out.join(format!("{module}.rest.rs")), code)?;
    }
    fs::write(out.join("transcoders.rs"), transcoders)?;

    let mut wrappers: BTreeMap<&str, String> = BTreeMap::new();
    let mut table = String::from("pub static METHODS: &[Method] = &[\n");
    let mut index = 0;
    for service in &contract.services {
        *wrappers.entry(&service.package).or_default() += &wrapper(service, index)?;
        for method in &service.methods {
            table += &method_row(service, method)?;
        }
        index += service.methods.len();
    }
    table += "];\n\npub static RAW_ROUTES: &[RawRoute] = &[\n";
    for r in &contract.raw_routes {
        writeln!(
            table,
            "    RawRoute {{ host: {:?}, method: {:?}, path: {:?}, access: Access::{} }},",
            r.host, r.method, r.path, r.access
        )?;
    }
    table += "];\n";
    fs::write(out.join("routes.rs"), table)?;
    for (package, code) in wrappers {
        fs::write(out.join(format!("{package}.services.rs")), code)?;
    }
    Ok(())
}

fn method_row(service: &Service, method: &Method) -> Result<String> {
    let Service { package, name, host, .. } = service;
    let mut row = String::new();
    write!(
        row,
        "    Method {{ grpc_path: \"/{package}.{name}/{}\", host: {host:?}, access: Access::{}, ignores_authorization: {}, rest: ",
        method.name, method.access, method.ignores_authorization
    )?;
    match &method.rest {
        Some((verb, path)) => write!(
            row,
            "Some(RestRoute {{ method: {verb:?}, path: {path:?}, wants_fields: {}, lists: &{:?} }})",
            method.wants_fields, method.query_lists
        )?,
        None => row += "None",
    }
    writeln!(row, ", decode: |json| serde_json::from_slice::<{}>(json).map(drop) }},", rust(&method.input))?;
    Ok(row)
}

/// The constructor of a service's endpoint, and the wrapper inside it.
fn wrapper(service: &Service, first_index: usize) -> Result<String> {
    let name = &service.name;
    let server = format!("{}_server", snake(name));
    let mut grpc = String::new();
    let mut rest = String::new();
    for (i, method) in service.methods.iter().enumerate() {
        let call = snake(&method.name);
        let (input, output) = (rust(&method.input), rust(&method.output));
        let index = first_index + i;
        write!(
            grpc,
            "
        async fn {call}(&self, request: tonic::Request<{input}>) -> Result<tonic::Response<{output}>, tonic::Status> {{
            let request = crate::guard::check(&self.guard, &crate::routes::METHODS[{index}], request).await?;
            self.service.{call}(request).await
        }}"
        )?;
        if method.rest.is_some() {
            write!(
                rest,
                "
        async fn {call}(&self, request: {input}, cx: &mut rest_over_grpc::handling::Context) -> Result<{output}, rest_over_grpc::handling::Status> {{
            crate::rest::bridge(request, cx, |request| {server}::{name}::{call}(self.0.as_ref(), request)).await
        }}"
            )?;
        }
    }
    let rest_arm = if rest.is_empty() {
        "None".to_owned()
    } else {
        format!(
            "Some(std::sync::Arc::new(crate::rest::transcoders::{}::Transcoder::new(Rest(guarded.clone()))))",
            snake(name)
        )
    };
    let rest_impl = if rest.is_empty() {
        String::new()
    } else {
        format!(
            "
    struct Rest<S, G>(std::sync::Arc<Guarded<S, G>>);
    impl<S: {server}::{name}, G: crate::guard::Guard> super::{name} for Rest<S, G> {{{rest}
    }}"
        )
    };
    Ok(format!(
        "
/// The service behind its checks, for both transports.
pub fn {}<S: {server}::{name}, G: crate::guard::Guard>(service: S, guard: G) -> crate::Endpoint {{
    {}_guarded::endpoint(service, guard)
}}
mod {}_guarded {{
    use super::*;
    struct Guarded<S, G> {{ service: S, guard: G }}
    #[async_trait::async_trait]
    impl<S: {server}::{name}, G: crate::guard::Guard> {server}::{name} for Guarded<S, G> {{{grpc}
    }}{rest_impl}
    pub fn endpoint<S: {server}::{name}, G: crate::guard::Guard>(service: S, guard: G) -> crate::Endpoint {{
        let guarded = std::sync::Arc::new(Guarded {{ service, guard }});
        crate::Endpoint {{
            name: <{server}::{name}Server<Guarded<S, G>> as tonic::server::NamedService>::NAME,
            rest: {rest_arm},
            grpc: Box::new(move |routes| {{ routes.add_service({server}::{name}Server::from_arc(guarded)); }}),
        }}
    }}
}}
",
        snake(name),
        snake(name),
        snake(name)
    ))
}

fn rust(message: &str) -> String {
    format!("crate::{}", message.replace('.', "::"))
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
