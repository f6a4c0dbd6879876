//! `http`: one request.

mod spec;

pub use spec::{Again, HttpSpec, Method, REDIRECTS, RESPONSE_BYTES, StatusPattern};
