//! What a sender is told: a status, and the delivery's id where there is one. Nothing of why.

use agents_domain::id::DeliveryId;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

/// A request that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    New(DeliveryId),
    /// It was taken before.
    Again(DeliveryId),
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    UnknownPath,
    WrongMethod,
    /// A header is missing or makes no sense, or the body is no text.
    BadRequest,
    BadSignature,
    TooSlow,
    TooLarge,
    TooMany,
    /// The secret is not there, or the store can't be used.
    Unavailable,
}

impl Refused {
    fn status(self) -> StatusCode {
        match self {
            Refused::UnknownPath => StatusCode::NOT_FOUND,
            Refused::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Refused::BadRequest => StatusCode::BAD_REQUEST,
            Refused::BadSignature => StatusCode::UNAUTHORIZED,
            Refused::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refused::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Refused::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// 202 of a new one, 200 of one that is known; the same id in both.
pub fn received(taken: Taken) -> Response {
    let (status, id) = match taken {
        Taken::New(id) => (StatusCode::ACCEPTED, id),
        Taken::Again(id) => (StatusCode::OK, id),
    };
    let mut response = Response::new(Body::from(json!({ "delivery": id.to_string() }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The status alone.
pub fn refused(why: Refused) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = why.status();
    let headers = response.headers_mut();
    match why {
        Refused::WrongMethod => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        Refused::TooMany | Refused::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        // The rest of the body is not read.
        Refused::TooSlow | Refused::TooLarge => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Refused::UnknownPath | Refused::BadRequest | Refused::BadSignature => {}
    }
    response
}
