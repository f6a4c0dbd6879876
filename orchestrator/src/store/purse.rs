//! What the namespaces of one transaction may still spend: the sums that are stored, and what the transaction itself has
//! added to them so far.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use agents_domain::amounts::Amounts;
use agents_domain::attempt::Attempt;
use agents_domain::limits::Limits;
use agents_domain::namespace::Namespace;
use agents_domain::spending::{AnyTerms, Day, Funds, Spending, Spent, Terms};
use agents_domain::store::{DayLine, StoreError};
use agents_domain::timestamp::Timestamp;

use super::connection::Connection;
use super::spending_table;

/// How long a namespace whose day has no room for a job is left alone. A changed limit of the config and
/// the end of any attempt of the namespace end it at once.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// The purses of one transaction.
#[derive(Debug, Default)]
pub(super) struct Purses {
    purses: BTreeMap<Namespace, Purse>,
    /// Those that a claim was refused by.
    refused: BTreeMap<Namespace, (Limits, Timestamp)>,
    terms: HashMap<String, Terms>,
    spendings: Vec<Spending>,
}

#[derive(Debug, Default)]
struct Purse {
    /// As it is stored. `None`: nobody has asked.
    stored: Option<Funds>,
    spent: Spent,
    taken: Amounts,
    released: Amounts,
}

impl Purses {
    /// The terms for jobs that work in that folder.
    pub fn terms(&mut self, source: &AnyTerms, workspace: &str) -> Terms {
        if let Some(known) = self.terms.get(workspace) {
            return known.clone();
        }
        // No agent starts without a config, so nothing is spent either.
        let terms = source.0.terms(workspace).unwrap_or_default();
        self.terms.insert(workspace.to_owned(), terms.clone());
        terms
    }

    /// Loads what these namespaces have spent, if it is not known yet.
    pub async fn load(
        &mut self,
        on: &mut Connection,
        (namespaces, now): (BTreeSet<Namespace>, Timestamp),
    ) -> Result<(), StoreError> {
        let is_known = |name: &Namespace| self.purses.get(name).is_some_and(|purse| purse.stored.is_some());
        let new: BTreeSet<Namespace> = namespaces.into_iter().filter(|name| !is_known(name)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut days = spending_table::load(on, (&new, Day::of(now))).await?;
        let mut running = spending_table::running(on, &new).await?;
        let mut typical = spending_table::typical(on, &new).await?;
        for namespace in new {
            let funds = Funds {
                terms: Terms::default(),
                spent: days.remove(&namespace).map(|day| day.spent).unwrap_or_default(),
                reserved: running.remove(&namespace).unwrap_or_default(),
                typical: typical.remove(&namespace).unwrap_or_default(),
            };
            self.purses.entry(namespace).or_default().stored = Some(funds);
        }
        Ok(())
    }

    /// What that namespace has, on these terms.
    pub fn funds(&self, namespace: &Namespace, terms: Terms) -> Funds {
        let Some(purse) = self.purses.get(namespace) else { return Funds { terms, ..Funds::default() } };
        let mut funds = purse.stored.clone().unwrap_or_default();
        funds.terms = terms;
        funds.spent.add(&purse.spent);
        funds.reserved = funds.reserved.plus(&purse.taken).less(&purse.released);
        funds
    }

    /// An attempt has begun.
    pub fn begin(&mut self, namespace: &Namespace, attempt: &Attempt) {
        self.reserve(namespace, &attempt.reserved);
    }

    /// So much more is reserved for an attempt.
    pub fn reserve(&mut self, namespace: &Namespace, more: &Amounts) {
        let purse = self.purses.entry(namespace.clone()).or_default();
        purse.taken = purse.taken.plus(more);
    }

    /// Attempts have ended.
    pub fn spend(&mut self, spendings: Vec<Spending>) {
        for spending in &spendings {
            let purse = self.purses.entry(spending.namespace.clone()).or_default();
            purse.spent.add(&spending.spent);
            purse.released = purse.released.plus(&spending.reserved);
        }
        self.spendings.extend(spendings);
    }

    /// A job was refused since the day is spent.
    pub fn refuse(&mut self, namespace: &Namespace, limits: Limits, now: Timestamp) {
        let until = now.after(LEFT_ALONE).min(Day::of(now).end());
        self.refused.insert(namespace.clone(), (limits, until));
    }

    /// The days that jobs were refused by.
    pub fn refused_days(&self) -> impl Iterator<Item = DayLine> {
        self.refused.iter().map(|(namespace, (limits, until))| {
            let funds = self.funds(namespace, Terms::default());
            DayLine {
                namespace: namespace.clone(),
                spent: funds.spent,
                reserved: funds.reserved,
                limits: *limits,
                waits_until: Some(*until),
            }
        })
    }

    /// Whether a job of that namespace was refused just now.
    pub fn is_refused(&self, namespace: &Namespace) -> bool {
        self.refused.contains_key(namespace)
    }

    /// How many namespaces have been refused something.
    pub fn refusals(&self) -> usize {
        self.refused.len()
    }

    /// Writes what has changed.
    pub async fn write(&self, on: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
        if !self.spendings.is_empty() {
            spending_table::add(on, &self.spendings).await?;
        }
        for (namespace, (limits, until)) in &self.refused {
            spending_table::wait(on, (namespace, Day::of(now)), (limits, *until)).await?;
        }
        Ok(())
    }
}
