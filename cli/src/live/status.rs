//! The jobs that run now, a line each, no wider than the terminal.

use agents_domain::timestamp::Timestamp;
use agents_domain::usage::MicroUsd;
use agents_orchestrator::runner::Card;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::text::one_line;

/// The lines below the log.
pub fn lines(cards: &[Card], now: Timestamp, width: usize) -> Vec<String> {
    cards.iter().map(|card| fit(&line(card, now), width)).collect()
}

fn line(card: &Card, now: Timestamp) -> String {
    let progress = card.progress();
    let mut parts = vec![
        format!("{} {}", card.assignment.short(), card.job_type),
        card.harness.clone(),
        elapsed(now.since(card.started_at).as_secs()),
    ];
    if let Some(usage) = progress.usage {
        parts.push(format!("{} tok", tokens(usage.total())));
    }
    if let Some(cost) = progress.cost {
        parts.push(money(cost));
    }
    // An agent's own words.
    parts.push(progress.last_activity.map_or_else(|| "starting".to_owned(), |words| one_line(&words)));
    parts.join("  ")
}

fn elapsed(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

fn tokens(count: u64) -> String {
    match count {
        0..1000 => count.to_string(),
        1000..1_000_000 => format!("{:.1}k", count as f64 / 1e3),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

fn money(cost: MicroUsd) -> String {
    format!("${:.2}", cost.as_dollars())
}

/// Cuts a text to so many columns of a terminal.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        assert_eq!(fit("hello", 5), "hello");
        assert_eq!(fit("hello", 4), "hel…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("hello", 0), "…");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([elapsed(59), elapsed(125), elapsed(7260)], ["59s", "2m05s", "2h01m"]);
        assert_eq!([tokens(999), tokens(12_345), tokens(2_500_000)], ["999", "12.3k", "2.5M"]);
    }
}
