//! What libraries keep once per process, where several services may be in one.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

type Values = HashMap<TypeId, Box<dyn Any + Send + Sync>>;

/// One value of each type. Clones share it.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Values>>);

impl Shared {
    /// The process's value of a type; its default until somebody has asked.
    /// The type should be a handle: what comes back is a clone.
    pub fn get<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        value.downcast_ref::<T>().cloned().unwrap_or_default()
    }

    /// Drops all values. What is kept here may hold what holds this, such
    /// as a platform: whoever starts several processes' worth of services in
    /// one, as tests do, would keep the connections of each.
    pub fn clear(&self) {
        let values = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // Outside the lock: a value's end may ask for another.
        drop(values);
    }
}
