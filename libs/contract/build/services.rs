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
        *wrappers.entry(&service.package).or_default() += &endpoint(service, index)?;
        for method in &service.methods {
            table += &method_row(service, method)?;
        }
        index += service.methods.len();
    }
    table += "];\n\npub static RAW_ROUTES: &[RawRoute] = &[\n";
    for r in &contract.raw_routes {
        writeln!(
            table,
            "    RawRoute {{ host: {:?}, method: {:?}, path: {:?}, access: Access::{}, kind: RawRouteKind::{:?} }},",
            r.host, r.method, r.path, r.access, r.kind
        )?;
    }
    table += "];\n\n";
    let hosts: Vec<_> = contract.hosts().into_iter().collect();
    writeln!(
        table,
        "/// The services of the fleet behind the gateway, by name.\npub const HOSTS: &[&str] = &{hosts:?};"
    )?;
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
        "    Method {{ service: \"{package}.{name}\", grpc_path: \"/{package}.{name}/{}\", host: {host:?}, access: Access::{}, callers: &{:?}, ignores_authorization: {}, rest: ",
        method.name, method.access, method.callers, method.ignores_authorization
    )?;
    match &method.rest {
        Some((verb, path)) => write!(
            row,
            "Some(RestRoute {{ method: {verb:?}, path: {path:?}, has_body: {}, wants_fields: {}, lists: &{:?} }})",
            method.has_body, method.wants_fields, method.query_lists
        )?,
        None => row += "None",
    }
    writeln!(row, ", decode: |json| serde_json::from_slice::<{}>(json).map(drop) }},", rust(&method.input))?;
    Ok(row)
}

/// The trait that a service implements, and the constructor of the endpoint
/// that checks every call before it reaches the implementation.
fn endpoint(service: &Service, first_index: usize) -> Result<String> {
    let name = &service.name;
    let module = snake(name);
    let server = format!("{module}_server");
    let (mut handler, mut grpc, mut rest) = (String::new(), String::new(), String::new());
    for (i, method) in service.methods.iter().enumerate() {
        let call = snake(&method.name);
        let (input, output) = (rust(&method.input), rust(&method.output));
        let index = first_index + i;
        write!(
            handler,
            "
    fn {call}(&self, request: tonic::Request<{input}>) -> impl Future<Output = fenz_core::Result<tonic::Response<{output}>>> + Send;"
        )?;
        write!(
            grpc,
            "
        async fn {call}(&self, request: tonic::Request<{input}>) -> Result<tonic::Response<{output}>, tonic::Status> {{
            let request = crate::guard::check(&self.guard, &crate::routes::METHODS[{index}], request).await?;
            self.service.{call}(request).await.map_err(|error| self.guard.status(error))
        }}"
        )?;
        if method.rest.is_some() {
            write!(
                rest,
                "
        async fn {call}(&self, request: {input}, cx: &mut rest_over_grpc::handling::Context) -> Result<{output}, rest_over_grpc::handling::Status> {{
            let Checked {{ service, guard }} = self.checked.as_ref();
            crate::rest::bridge(guard, &self.caller, request, cx, |request| service.{call}(request)).await
        }}"
            )?;
        }
    }
    let bounds = format!("S: super::{name}Handler, G: crate::guard::Guard");
    let (rest_side, rest_impl) = if rest.is_empty() {
        ("None".to_owned(), String::new())
    } else {
        (
            "Some(std::sync::Arc::new(Rest(checked.clone())))".to_owned(),
            format!(
                "
    struct Rest<S, G>(std::sync::Arc<Checked<S, G>>);
    #[async_trait::async_trait]
    impl<{bounds}> crate::rest::RestHandler for Rest<S, G> {{
        async fn handle(&self, request: crate::rest::RestRequest<'_>) -> Option<rest_over_grpc::transcoding::TranscodeResponse> {{
            use rest_over_grpc::transcoding::Transcode;
            let call = RestCall {{ checked: self.0.clone(), caller: request.caller }};
            let transcoder = crate::rest::transcoders::{module}::Transcoder::new(call);
            transcoder.try_transcode(request.method, request.target, request.headers, request.body).await
        }}
    }}
    struct RestCall<S, G> {{ checked: std::sync::Arc<Checked<S, G>>, caller: fenz_core::Caller }}
    impl<{bounds}> super::{name} for RestCall<S, G> {{{rest}
    }}"
            ),
        )
    };
    Ok(format!(
        "
/// Implements `{package}.{name}` for both transports: its callers are admitted
/// and its requests valid.
pub trait {name}Handler: Send + Sync + 'static {{{handler}
}}

/// The service behind its checks, for both transports.
pub fn {module}<S: {name}Handler, G: crate::guard::Guard>(service: S, guard: G) -> crate::Endpoint {{
    {module}_endpoint::new(service, guard)
}}
mod {module}_endpoint {{
    use super::*;
    struct Checked<S, G> {{ service: S, guard: G }}
    #[async_trait::async_trait]
    impl<{bounds}> {server}::{name} for Checked<S, G> {{{grpc}
    }}{rest_impl}
    pub fn new<{bounds}>(service: S, guard: G) -> crate::Endpoint {{
        let checked = std::sync::Arc::new(Checked {{ service, guard }});
        crate::Endpoint {{
            name: <{server}::{name}Server<Checked<S, G>> as tonic::server::NamedService>::NAME,
            rest: {rest_side},
            grpc: Box::new(move |routes| {{ routes.add_service({server}::{name}Server::from_arc(checked)); }}),
        }}
    }}
}}
",
        package = service.package,
    ))
}

pub fn rust(message: &str) -> String {
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
