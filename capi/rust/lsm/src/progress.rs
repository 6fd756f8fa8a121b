//! Progress closures of long calls.

use std::any::Any;
use std::ffi::c_void;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;

use lsm_sys as sys;

use crate::error::{succeed, Result};

/// What a long call is doing. Within one call the phases only rise.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Phase {
    /// Writing what is in memory to a table.
    Flush,
    /// Merging tables.
    Merge,
    /// Reading and checking.
    Verify,
    /// A phase of a library that is newer than this crate.
    Other(u32),
}

/// How far a long call is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Never more than `bytes_total`; only grows within a phase.
    pub bytes_done: u64,
    /// May be an estimate that grows.
    pub bytes_total: u64,
    /// Only grows within a phase.
    pub entries_done: u64,
}

impl Progress {
    fn of(raw: &sys::lsm_progress) -> Self {
        Self {
            phase: match raw.phase {
                sys::LSM_PHASE_FLUSH => Phase::Flush,
                sys::LSM_PHASE_MERGE => Phase::Merge,
                sys::LSM_PHASE_VERIFY => Phase::Verify,
                other => Phase::Other(other),
            },
            bytes_done: raw.bytes_done,
            bytes_total: raw.bytes_total,
            entries_done: raw.entries_done,
        }
    }
}

/// Makes a call that reports to `progress`. A panic in there cancels the call and goes on from here
/// when the call has returned, so that it crosses no frame of the library.
pub(crate) fn run<F>(
    progress: F,
    call: impl FnOnce(sys::lsm_progress_fn, *mut c_void, *mut *mut sys::lsm_error) -> i32,
) -> Result<()>
where
    F: FnMut(&Progress) -> ControlFlow<()>,
{
    let mut listener = Listener { progress, panic: None };
    let payload: *mut Listener<F> = &mut listener;
    let done = succeed(|error| call(Some(tell::<F>), payload.cast(), error));
    match listener.panic {
        Some(panic) => panic::resume_unwind(panic),
        None => done,
    }
}

/// Makes a call that reports to nobody.
pub(crate) fn run_silent(
    call: impl FnOnce(sys::lsm_progress_fn, *mut c_void, *mut *mut sys::lsm_error) -> i32,
) -> Result<()> {
    succeed(|error| call(None, ptr::null_mut(), error))
}

struct Listener<F> {
    progress: F,
    panic: Option<Box<dyn Any + Send>>,
}

/// # Safety
/// `payload` is a `Listener<F>` that nobody else uses during the call.
unsafe extern "C" fn tell<F>(payload: *mut c_void, raw: *const sys::lsm_progress) -> i32
where
    F: FnMut(&Progress) -> ControlFlow<()>,
{
    // SAFETY: run passes its own listener; the library calls back on the thread of its caller, one
    // call at a time, with a progress that it owns.
    let (listener, raw) = unsafe { (&mut *payload.cast::<Listener<F>>(), &*raw) };
    let told = panic::catch_unwind(AssertUnwindSafe(|| (listener.progress)(&Progress::of(raw))));
    match told {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(panic) => {
            listener.panic = Some(panic);
            1
        }
    }
}
