//! What a service requires before it can be built, as a type: what was not
//! declared cannot be asked for.

use std::collections::BTreeMap;

use anyhow::Result;
use fenz_contract::Endpoint;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Command, Platform, Settings};

/// A dependency that is connected before the service is built: a database, an
/// object store, keys.
pub trait Requirement: Sized + Send + 'static {
    /// Its section of the settings.
    type Settings: DeserializeOwned + Serialize + Send;
    /// The section's name, `FENZ_<SECTION>__…`; empty without settings.
    const SECTION: &'static str;

    /// Connects, and registers what readiness has to check.
    ///
    /// # Errors
    /// When the settings are wrong or the dependency does not answer.
    fn connect(settings: Self::Settings, platform: &Platform) -> impl Future<Output = Result<Self>> + Send;

    /// Commands that every service with this requirement has.
    fn commands() -> Vec<Command> {
        Vec::new()
    }

    /// gRPC services that every service with this requirement serves.
    fn endpoints(&self, _: &Platform) -> Vec<Endpoint> {
        Vec::new()
    }
}

/// All that a service requires: a tuple of [`Requirement`]s.
pub trait Requirements: Sized + Send + 'static {
    /// The names of the sections that they read.
    fn sections() -> Vec<&'static str>;

    /// Their settings by section, secrets hidden.
    ///
    /// # Errors
    /// Names the key and what it should be.
    fn read(settings: &Settings) -> Result<BTreeMap<String, Value>>;

    /// Connects all, one after the other.
    ///
    /// # Errors
    /// Of the first that fails.
    fn connect(platform: &Platform) -> impl Future<Output = Result<Self>> + Send;

    fn commands() -> Vec<Command>;

    fn endpoints(&self, platform: &Platform) -> Vec<Endpoint>;
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        impl<$($part: Requirement),*> Requirements for ($($part,)*) {
            fn sections() -> Vec<&'static str> {
                vec![$($part::SECTION),*]
            }

            #[allow(unused_mut, unused_variables)]
            fn read(settings: &Settings) -> Result<BTreeMap<String, Value>> {
                let mut sections = BTreeMap::new();
                $(
                    let section = settings.section::<$part::Settings>($part::SECTION)?;
                    if !$part::SECTION.is_empty() {
                        sections.insert($part::SECTION.to_owned(), serde_json::to_value(section)?);
                    }
                )*
                Ok(sections)
            }

            #[allow(unused_variables)]
            async fn connect(platform: &Platform) -> Result<Self> {
                Ok(($($part::connect(platform.settings.section($part::SECTION)?, platform).await?,)*))
            }

            fn commands() -> Vec<Command> {
                let of_parts: Vec<Vec<Command>> = vec![$($part::commands()),*];
                of_parts.into_iter().flatten().collect()
            }

            #[allow(unused_variables, non_snake_case)]
            fn endpoints(&self, platform: &Platform) -> Vec<Endpoint> {
                let ($($part,)*) = self;
                let of_parts: Vec<Vec<Endpoint>> = vec![$($part.endpoints(platform)),*];
                of_parts.into_iter().flatten().collect()
            }
        }
    )*};
}

tuples! { () (A) (A B) (A B C) (A B C D) (A B C D E) }
