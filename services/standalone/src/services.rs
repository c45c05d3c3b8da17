//! The services of the platform: the one list of them in code.

use anyhow::{Result, bail};
use fenz_chassis::{
    Command, Invocation, Launched, Process, Requirements, Service,
    settings::{self, Sources},
};
use futures::future::BoxFuture;
use tokio::net::TcpListener;

/// The gateway, and all services behind it.
pub fn all() -> Vec<Registered> {
    vec![
        Registered::of::<fenz_gateway::Gateway>(),
        Registered::of::<fenz_auth::Auth>(),
        Registered::of::<fenz_media::MediaService>(),
        Registered::of::<fenz_content::Content>(),
        Registered::of::<fenz_channel::Channels>(),
        Registered::of::<fenz_notification::Notifications>(),
        Registered::of::<fenz_recommendation::Recommendations>(),
        Registered::of::<fenz_admin::Admin>(),
    ]
}

/// A service without its type.
pub struct Registered {
    pub name: &'static str,
    pub port: u16,
    pub has_database: bool,
    pub commands: Vec<Command>,
    check: fn(&Sources) -> Result<()>,
    print: fn(&Sources) -> Result<String>,
    start: Start,
}

type Start = for<'a> fn(&'a Sources, &'a Process, Option<TcpListener>) -> BoxFuture<'a, Result<Launched>>;

impl Registered {
    fn of<S: Service>() -> Self {
        let mut commands = S::Requirements::commands();
        commands.extend(S::commands());
        Self {
            name: S::NAME,
            port: S::PORT,
            has_database: S::Requirements::sections().contains(&"database"),
            commands,
            check: |sources| fenz_chassis::check::<S>(sources).map(drop),
            print: |sources| {
                let (settings, config) = fenz_chassis::check::<S>(sources)?;
                settings::print::<S>(&settings, &config)
            },
            start: |sources, process, listener| Box::pin(fenz_chassis::start::<S>(sources, process, listener)),
        }
    }

    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self, sources: &Sources) -> Result<()> {
        (self.check)(sources)
    }

    /// Its merged settings, secrets hidden.
    pub fn print(&self, sources: &Sources) -> Result<String> {
        (self.print)(sources)
    }

    pub async fn start(&self, sources: &Sources, process: &Process, listener: Option<TcpListener>) -> Result<Launched> {
        (self.start)(sources, process, listener).await
    }
}

/// Runs a command of a service, as `<service> <command> [arguments]` names it.
pub async fn run_command(words: &[String], sources: Sources) -> Result<()> {
    let (service, command, arguments) = match words {
        [service, command, arguments @ ..] => (service, command.as_str(), arguments.to_vec()),
        [service] => (service, "", Vec::new()),
        [] => bail!("should be: <service> <command>"),
    };
    let services = all();
    let Some(service) = services.iter().find(|known| known.name == service) else {
        let names: Vec<_> = services.iter().map(|s| s.name).collect();
        bail!("unknown command or service {service}; services are {}", names.join(", "));
    };
    let Some(own) = service.commands.iter().find(|own| own.name == command) else {
        let help = service.commands.iter().map(|own| format!("\n  {} {:<14} {}", service.name, own.name, own.about));
        bail!("unknown command {command:?}; {} has:{}", service.name, help.collect::<String>());
    };
    (own.run)(&Invocation { service: service.name, arguments, sources }).await
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fenz_contract::routes::HOSTS;
    use serde_json::Value;

    use super::*;

    /// To accept a change: `INSTA_UPDATE=always cargo test -p fenz-standalone --bins`.
    #[test]
    fn the_settings_and_their_defaults_are_as_accepted() {
        let mut settings = BTreeMap::new();
        for service in all() {
            let printed = service.print(&Sources::default()).expect("the defaults are valid");
            flatten("FENZ", &serde_json::from_str(&printed).expect("JSON"), &mut settings);
        }
        let documented = include_str!("../../../docs/operations.md");
        for key in settings.keys() {
            assert!(documented.contains(key.as_str()), "docs/operations.md lacks {key}");
        }
        let lines: Vec<_> = settings.iter().map(|(key, default)| format!("{key}={default}")).collect();
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!("settings", lines.join("\n"));
        });
    }

    fn flatten(key: &str, value: &Value, into: &mut BTreeMap<String, String>) {
        let Value::Object(section) = value else {
            let default = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            into.insert(key.to_owned(), default);
            return;
        };
        for (name, value) in section {
            let separator = if key == "FENZ" { "_" } else { "__" };
            flatten(&format!("{key}{separator}{}", name.to_uppercase()), value, into);
        }
    }

    #[test]
    fn every_host_of_the_contract_is_registered_once() {
        let services = all();
        let registered: Vec<_> =
            services.iter().map(|service| service.name).filter(|name| *name != "gateway").collect();
        for host in HOSTS {
            assert!(
                registered.contains(host),
                "proto/ has the host {host:?}; add its service to services/standalone/src/services.rs"
            );
        }
        for name in &registered {
            assert!(HOSTS.contains(name), "no gRPC service in proto/ has the host {name:?}");
        }
        assert_eq!(registered.len(), HOSTS.len(), "a service is registered twice");
        let ports: BTreeSet<_> = services.iter().map(|service| service.port).collect();
        assert_eq!(ports.len(), services.len(), "two services have the same port");
    }
}
