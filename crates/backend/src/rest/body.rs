//! The body of a call, and the 422 that says which of its fields is wrong.

use axum::extract::{FromRequest, Request};
use gavelscope_contract::RefusalCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::refuse::Refused;

/// How long a body may take to come.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// The body of a call, as JSON, whatever its content type says.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = tokio::time::timeout(BODY_TIME, axum::body::Bytes::from_request(request, state))
            .await
            .map_err(|_| Refused::new(408, RefusalCode::InvalidBody, "The body took too long to come."))?
            .map_err(|rejection| {
                let sentence = "The body could not be read, or is too large.";
                Refused::new(rejection.status().as_u16(), RefusalCode::InvalidBody, sentence)
            })?;
        read(&bytes).map(Self)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    if bytes.is_empty() {
        return Err(invalid("missing", None, "Field required"));
    }
    let value: Value =
        serde_json::from_slice(bytes).map_err(|_| invalid("json_invalid", None, "JSON decode error"))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let at = error.path().to_string();
        let message = error.inner().to_string();
        // A missing field is found at its object, so its name is in the message alone.
        match message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.strip_suffix('`'))
        {
            Some(field) => invalid("missing", Some(field), "Field required"),
            None => invalid("value_error", (at != ".").then_some(at.as_str()), &message),
        }
    })
}

/// A 422 about one field, or the whole body. What was sent is not repeated: it may be a secret.
pub(super) fn invalid(kind: &str, field: Option<&str>, message: &str) -> Refused {
    let mut place = vec!["body"];
    place.extend(field);
    Refused::with_detail(
        422,
        RefusalCode::InvalidBody,
        json!([{ "type": kind, "loc": place, "msg": message, "input": null }]),
    )
}

#[cfg(test)]
mod tests {
    use gavelscope_contract::auction::BidRequest;

    use super::*;

    #[test]
    fn a_wrong_body_is_a_422_that_names_the_field() {
        for (body, field, message) in [
            (r#"{"amount":1}"#, Some("userId"), "Field required"),
            (r#"{"userId":"u"}"#, Some("amount"), "Field required"),
            (
                r#"{"userId":"u","amount":-1}"#,
                Some("amount"),
                "an amount cannot be negative",
            ),
            (
                r#"{"userId":"u","amount":0.001}"#,
                Some("amount"),
                "an amount has at most two decimals",
            ),
            (
                r#"{"userId":"u","amount":"abc"}"#,
                Some("amount"),
                "“abc” is not an amount of money",
            ),
            ("{bad", None, "JSON decode error"),
            ("", None, "Field required"),
        ] {
            let refused = read::<BidRequest>(body.as_bytes()).unwrap_err();
            let entry = &refused.body.detail[0];
            let mut place = vec!["body"];
            place.extend(field);
            assert_eq!((refused.status, &entry["loc"]), (422, &json!(place)), "{body}");
            assert_eq!(entry["msg"], message, "{body}");
        }
        for body in [
            "[]",
            "null",
            r#""text""#,
            r#"{"userId":1,"amount":1}"#,
            r#"{"userId":"u","amount":null}"#,
        ] {
            assert_eq!(
                read::<BidRequest>(body.as_bytes()).unwrap_err().status,
                422,
                "{body}"
            );
        }
    }
}
