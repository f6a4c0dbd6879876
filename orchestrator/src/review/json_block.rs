//! The JSON object that a final answer is, or ends with: bare, or in its last fenced code block.

/// The JSON object in the answer.
pub(super) fn candidate(answer: &str) -> Option<&str> {
    let whole = answer.trim();
    if whole.starts_with('{') && whole.ends_with('}') {
        return Some(whole);
    }
    last_fenced_block(whole).map(str::trim).filter(|block| block.starts_with('{'))
}

/// What stands in the last fenced code block (CommonMark: at least three backticks, closed by at least as many).
fn last_fenced_block(text: &str) -> Option<&str> {
    let mut last = None;
    let mut open: Option<(usize, usize)> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let ticks = trimmed.chars().take_while(|c| *c == '`').count();
        match open {
            None if ticks >= 3 && !trimmed[ticks..].contains('`') => {
                open = Some((ticks, offset + line.len()))
            }
            Some((needed, start)) if ticks >= needed && trimmed.len() == ticks => {
                last = text.get(start..offset);
                open = None;
            }
            None | Some(_) => {}
        }
        offset += line.len();
    }
    last
}
