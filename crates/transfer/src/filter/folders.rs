//! Which folders an inclusion needs to be looked into.
//!
//! Each part of its pattern that ends at a slash or at `**` is a pattern of folders. So `a/x` looks into folders
//! `a` at the root alone once all else is excluded, as in rclone, though it would match `b/a/x`.

/// Matches every folder.
pub(super) const ALL: &str = "/**";

/// Patterns of folders, for keys that end with a slash.
pub(super) fn of(pattern: &str) -> Vec<String> {
    if too_hard(pattern) {
        return vec![ALL.to_owned()];
    }
    let mut rest = pattern.to_owned();
    while rest.contains("//") {
        rest = rest.replace("//", "/");
    }
    let mut folders: Vec<String> = Vec::new();
    loop {
        let (slash, stars) = (rest.rfind('/'), rest.rfind("**"));
        let Some(end) = slash.max(stars) else { break };
        let folder = format!("{}{}/", &rest[..end], if stars > slash { "**" } else { "" });
        rest.truncate(end);
        if folders.last() != Some(&folder) {
            folders.push(folder);
        }
    }
    if folders.is_empty() {
        folders.push(ALL.to_owned());
    }
    folders.retain(|folder| folder != "/");
    folders
}

/// Whether alternatives or an expression may hold a slash.
fn too_hard(pattern: &str) -> bool {
    if pattern.contains("{{") || pattern.contains("}}") {
        return true;
    }
    pattern.split('{').skip(1).any(|part| match part.split_once('}') {
        Some((inner, _)) => inner.contains('/') || inner.contains("**"),
        // Another one opens before this one is closed.
        None => true,
    })
}
