//! Work on whole batches. Kernels take bytes and numbers, know nothing of JavaScript, and use all cores where it pays.

mod alike;
pub mod atp;
pub mod codec;
mod decimal;
pub mod gather;
pub mod lmdb;
pub mod output;
pub mod parallel;
pub mod xyz;
pub mod xyz_frames;
