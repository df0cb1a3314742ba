//! Node-API bindings of LMDB's write transactions.
//!
//! A transaction is two calls: `begin`, after which no other process commits and TypeScript reads what it builds on,
//! and `commit`, which takes all changes at once. Every binding catches panics: they become exceptions.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("maps need 64-bit addresses");

pub mod environment;
mod ffi;
mod operations;

use std::path::Path;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use environment::{Failure, Outcome};

/// What the TypeScript side asks for before it trusts an addon: changes with every change of a signature.
#[napi]
pub const ABI: u32 = 1;

/// An environment opened for writing.
#[napi]
pub struct Environment {
    inner: Option<environment::Environment>,
}

#[napi]
impl Environment {
    /// Opens or makes an environment in a folder that exists. `map_size` is for a new one, in bytes.
    #[napi(factory, catch_unwind)]
    pub fn open(folder: String, map_size: f64) -> Result<Environment> {
        let inner = environment::Environment::open(Path::new(&folder), map_size as usize).map_err(failed)?;
        Ok(Environment { inner: Some(inner) })
    }

    /// Begins the write transaction: waits until all others have ended, in this process and elsewhere.
    #[napi(catch_unwind)]
    pub fn begin(&mut self) -> Result<()> {
        self.inner()?.begin().map_err(failed)
    }

    /// Does the operations and commits them. Whatever happens, the transaction has ended then.
    ///
    /// Returns false if nothing was written because the map was too small. It is larger now: begin again.
    #[napi(catch_unwind)]
    pub fn commit(&mut self, operations: &[u8]) -> Result<bool> {
        Ok(self.inner()?.commit(operations).map_err(failed)? == Outcome::Done)
    }

    /// Ends the transaction without a trace. Does nothing where there is none.
    #[napi(catch_unwind)]
    pub fn abort(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.abort();
        }
    }

    /// Makes durable what was committed.
    #[napi(catch_unwind)]
    pub fn sync(&mut self) -> Result<()> {
        self.inner()?.sync().map_err(failed)
    }

    /// How far the file may grow before it is mapped anew, in bytes.
    #[napi(catch_unwind)]
    pub fn map_size(&mut self) -> Result<f64> {
        Ok(self.inner()?.map_size() as f64)
    }

    /// Lets the files go. Does nothing when closed already.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.inner = None;
    }

    fn inner(&mut self) -> Result<&mut environment::Environment> {
        self.inner.as_mut().ok_or_else(|| failed(Failure(libc::EBADF)))
    }
}

/// `number text`: the TypeScript side tells errors by their numbers.
fn failed(failure: Failure) -> Error {
    Error::from_reason(format!("{} {}", failure.0, failure.text()))
}
