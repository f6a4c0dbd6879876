//! Which settings may have git run a program or read other files than it seems to (git-config(1)).

/// Whether git may run a program, or read another file, because of that key.
pub(super) fn runs(key: &str) -> bool {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    let last = rest.rsplit('.').next().unwrap_or_default();
    match section {
        "alias" | "browser" | "credential" | "difftool" | "extensions" | "filter" | "gpg" | "guitool"
        | "hook" | "include" | "includeif" | "man" | "mergetool" | "pager" | "protocol" | "sendemail"
        | "sequence" | "tar" | "trailer" | "uploadpack" | "url" | "web" => true,
        "core" => matches!(
            last,
            "alternaterefscommand"
                | "askpass"
                | "editor"
                | "fsmonitor"
                | "gitproxy"
                | "hookspath"
                | "pager"
                | "sshcommand"
        ),
        "diff" => matches!(last, "command" | "external" | "textconv"),
        "interactive" => last == "difffilter",
        "lfs" => {
            ["customtransfer", "extension", "standalonetransferagent"].iter().any(|one| rest.contains(one))
        }
        "merge" => last == "driver",
        "remote" => matches!(last, "promisor" | "receivepack" | "uploadpack" | "vcs"),
        "submodule" => last == "update",
        _ => false,
    }
}

/// Whether git would then look at other files, or not at all of them.
pub(super) fn leads_elsewhere(key: &str) -> bool {
    matches!(
        key,
        "core.attributesfile"
            | "core.checkstat"
            | "core.excludesfile"
            | "core.ignorestat"
            | "core.sparsecheckout"
            | "core.sparsecheckoutcone"
            | "core.trustctime"
            | "core.worktree"
    )
}
