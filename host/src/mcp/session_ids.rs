//! Request ids, each with the session that it belongs to. One pipe may carry several sessions, because a client can
//! send `initialize` again, and each session counts its ids anew. rmcp and the tables of this module see only ids that
//! name the session, so nothing of an earlier session is taken for something of a later one. Pure.

use rmcp::model::RequestId;

/// The number of a session on one pipe, from 0. Each `initialize` begins the next one.
pub(super) type Session = u64;

/// The id of a client's request, with its session: `3n17` is the number 17 and `3sx` the text `x` of session 3.
pub(super) fn with_session(session: Session, id: &RequestId) -> RequestId {
    RequestId::String(match id {
        RequestId::Number(number) => format!("{session}n{number}").into(),
        RequestId::String(text) => format!("{session}s{text}").into(),
    })
}

/// The session and the client's own id; `None` for an id that [`with_session`] did not make.
pub(super) fn apart(id: &RequestId) -> Option<(Session, RequestId)> {
    let RequestId::String(id) = id else { return None };
    let end = id.find(|c: char| !c.is_ascii_digit())?;
    let (session, id) = id.split_at(end);
    let id = match id.split_at_checked(1)? {
        ("n", number) => RequestId::Number(number.parse().ok()?),
        ("s", text) => RequestId::String(text.into()),
        _ => return None,
    };
    Some((session.parse().ok()?, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_id_and_its_session_are_kept_apart_from_all_others() {
        let ids = [
            RequestId::Number(0),
            RequestId::Number(-1),
            RequestId::Number(i64::MAX),
            RequestId::String("".into()),
            RequestId::String("0".into()),
            RequestId::String("n0".into()),
            RequestId::String("1s".into()),
            RequestId::String("å".into()),
        ];
        let mut all = HashSet::new();
        for session in [0, 1, 10, Session::MAX] {
            for id in &ids {
                let whole = with_session(session, id);
                assert_eq!(apart(&whole), Some((session, id.clone())));
                assert!(all.insert(whole), "{id:?} of session {session}");
            }
        }
    }

    #[test]
    fn an_id_without_a_session_is_none_of_a_client() {
        for text in ["", "x", "1", "n1", "1x1", "1nx", "99999999999999999999n1"] {
            assert_eq!(apart(&RequestId::String(text.into())), None, "{text}");
        }
        assert_eq!(apart(&RequestId::Number(1)), None);
    }
}
