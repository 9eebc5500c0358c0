//! Real servers that pods need, each as a process of its own on a free port, gone when it is dropped.

pub mod certificate;
pub mod deafness;
pub mod haproxy;
pub mod postgres;
pub mod redis;

/// The one of these that is called so, or a sentence with all of their names.
pub(crate) fn one_of<T, const N: usize>(
    text: &str,
    what: &str,
    all: [(&'static str, T); N],
) -> Result<T, String> {
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let found = all.into_iter().find(|(name, _)| *name == text);
    found.map_or_else(
        || Err(format!("there is no {what} “{text}”; there are {names}")),
        |(_, one)| Ok(one),
    )
}
