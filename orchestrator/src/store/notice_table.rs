//! The tables of notices: what is still to be told to whom, and how far each namespace was looked at.

use std::time::Duration;

use agents_domain::happening::EventName;
use agents_domain::id::NoticeId;
use agents_domain::namespace::Namespace;
use agents_domain::notice::{NewNotice, Notice, NoticeStatus, Notices, Told, Unnoted};
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;
use sqlx::any::AnyRow;

use super::SqlStore;
use super::batch::Batch;
use super::columns::Columns;
use super::connection::Connection;
use super::happening_table::{bound, following, latest};
use super::statement::{Statement, Value, names};
use super::task::Write;

const COLUMNS: [&str; 11] = [
    "id",
    "namespace",
    "channel",
    "happening_id",
    "event",
    "text",
    "status",
    "tries",
    "due_at",
    "error",
    "at",
];

/// How many go in one message at most.
const AT_ONCE: u32 = 100;

fn read(row: &AnyRow) -> Result<Notice, StoreError> {
    let mut columns = Columns::new(row, "notices", &COLUMNS, 0);
    Ok(Notice {
        id: columns.parsed(|text| text.parse().ok())?,
        namespace: columns.parsed(|text| Namespace::new(text).ok())?,
        channel: columns.text()?,
        happening: columns.parsed(|text| text.parse().ok())?,
        event: columns.parsed(|text| EventName::new(text).ok())?,
        text: columns.text()?,
        status: columns.parsed(NoticeStatus::from_name)?,
        tries: columns.count()?,
        due_at: columns.time()?,
        error: columns.optional_text()?,
        at: columns.time()?,
    })
}

async fn cursor(on: &mut Connection, of: &Namespace) -> Result<Option<u64>, StoreError> {
    let rows = Statement::new("SELECT seq FROM notice_cursors WHERE namespace = $1")
        .bind(of.as_str())
        .fetch(on, "reading how far notices are")
        .await?;
    let place =
        rows.first().map(|row| Columns::new(row, "notice_cursors", &["seq"], 0).integer()).transpose()?;
    Ok(place.and_then(|place| u64::try_from(place).ok()))
}

async fn unnoted(on: &mut Connection, of: &Namespace, limit: u32) -> Result<Unnoted, StoreError> {
    let Some(from) = cursor(on, of).await? else {
        return Ok(Unnoted { from: None, to: latest(on).await?, happenings: Vec::new() });
    };
    let happenings = following(on, (of, from), limit).await?;
    let to = happenings.last().map_or(from, |last| last.seq);
    Ok(Unnoted { from: Some(from), to, happenings })
}

struct Note {
    namespace: Namespace,
    places: (Option<u64>, u64),
    new: Vec<NewNotice>,
}

#[async_trait]
impl Write for Note {
    type Output = bool;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<bool, StoreError> {
        let (from, to) = self.places;
        if cursor(on, &self.namespace).await? != from {
            return Ok(false);
        }
        Statement::new(
            "INSERT INTO notice_cursors (namespace, seq) VALUES ($1, $2) \
             ON CONFLICT (namespace) DO UPDATE SET seq = excluded.seq",
        )
        .bind(self.namespace.as_str())
        .bind(bound(to))
        .execute(on, "moving on among events")
        .await?;
        for new in &self.new {
            self.insert(on, new, batch.now).await?;
        }
        Ok(true)
    }
}

impl Note {
    async fn insert(&self, on: &mut Connection, new: &NewNotice, now: Timestamp) -> Result<(), StoreError> {
        let row: Vec<Value> = vec![
            new.id.to_string().into(),
            self.namespace.as_str().into(),
            new.channel.as_str().into(),
            new.happening.to_string().into(),
            new.event.as_str().into(),
            new.text.as_str().into(),
            NoticeStatus::Pending.as_str().into(),
            0_u32.into(),
            new.due_at.as_millis().into(),
            None::<String>.into(),
            now.as_millis().into(),
        ];
        Statement::new(format!("INSERT INTO notices ({}) ", names("", &COLUMNS)))
            .push_rows(vec![row])
            .push(" ON CONFLICT (namespace, channel, happening_id) DO NOTHING")
            .execute(on, "writing a notice")
            .await?;
        Ok(())
    }
}

struct Take {
    namespace: Namespace,
    hold: Duration,
}

#[async_trait]
impl Write for Take {
    type Output = Vec<Notice>;

    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Vec<Notice>, StoreError> {
        let now = batch.now.as_millis();
        let rows = Statement::new(format!(
            "SELECT {} FROM notices WHERE namespace = $1 AND status = 'pending' AND claimed_until <= $2 \
             AND channel IN (SELECT channel FROM notices WHERE namespace = $3 AND status = 'pending' \
             AND due_at <= $4 AND claimed_until <= $5) ORDER BY at, id LIMIT $6",
            names("", &COLUMNS)
        ))
        .bind(self.namespace.as_str())
        .bind(now)
        .bind(self.namespace.as_str())
        .bind(now)
        .bind(now)
        .bind(AT_ONCE)
        .fetch(on, "looking for notices")
        .await?;
        let taken: Vec<Notice> = rows.iter().map(read).collect::<Result<_, _>>()?;
        if !taken.is_empty() {
            Statement::new("UPDATE notices SET tries = tries + 1, claimed_until = ")
                .push_bound(batch.now.after(self.hold).as_millis().into())
                .push(" WHERE id IN ")
                .push_list(taken.iter().map(|notice| Value::from(notice.id.to_string())))
                .execute(on, "taking notices")
                .await?;
        }
        Ok(taken.into_iter().map(|notice| Notice { tries: notice.tries + 1, ..notice }).collect())
    }
}

struct Settle {
    ids: Vec<NoticeId>,
    told: Told,
}

#[async_trait]
impl Write for Settle {
    type Output = ();

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<(), StoreError> {
        let (status, due, why) = match &self.told {
            Told::Sent => (NoticeStatus::Sent, None, None),
            Told::Later { at, why } => (NoticeStatus::Pending, Some(at.as_millis()), Some(why.clone())),
            Told::Failed { why } => (NoticeStatus::Failed, None, Some(why.clone())),
        };
        Statement::new("UPDATE notices SET claimed_until = 0, status = ")
            .push_bound(status.as_str().into())
            .push(", due_at = coalesce(")
            .push_bound(due.into())
            .push(", due_at), error = ")
            .push_bound(why.into())
            .push(" WHERE id IN ")
            .push_list(self.ids.iter().map(|id| Value::from(id.to_string())))
            .execute(on, "recording what came of notices")
            .await?;
        Ok(())
    }
}

async fn next_at(on: &mut Connection, of: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = Statement::new(
        "SELECT min(CASE WHEN claimed_until > due_at THEN claimed_until ELSE due_at END) FROM notices \
         WHERE status = 'pending'",
    );
    if let Some(namespace) = of {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    let rows = statement.fetch(on, "looking when a notice is due").await?;
    let read = |row| Columns::new(row, "notices", &["due_at"], 0).optional_time();
    Ok(rows.first().map(read).transpose()?.flatten())
}

async fn list(
    on: &mut Connection,
    (of, status): (Option<&Namespace>, Option<NoticeStatus>),
    limit: u32,
) -> Result<Vec<Notice>, StoreError> {
    let mut statement = Statement::new(format!("SELECT {} FROM notices WHERE 1 = 1", names("", &COLUMNS)));
    if let Some(namespace) = of {
        statement = statement.push(" AND namespace = ").push_bound(namespace.as_str().into());
    }
    if let Some(status) = status {
        statement = statement.push(" AND status = ").push_bound(status.as_str().into());
    }
    let statement = statement.push(" ORDER BY at DESC, id DESC LIMIT ").push_bound(limit.into());
    let rows = statement.fetch(on, "listing notices").await?;
    rows.iter().map(read).collect()
}

async fn roots(on: &mut Connection) -> Result<Vec<(Namespace, String)>, StoreError> {
    let rows = Statement::new("SELECT name, root FROM namespaces ORDER BY name")
        .fetch(on, "reading namespaces")
        .await?;
    let read = |row| {
        let mut columns = Columns::new(row, "namespaces", &["name", "root"], 0);
        Ok((columns.parsed(|text| Namespace::new(text).ok())?, columns.text()?))
    };
    rows.iter().map(read).collect()
}

#[async_trait]
impl Notices for SqlStore {
    async fn namespace_roots(&self) -> Result<Vec<(Namespace, String)>, StoreError> {
        let mut reader = self.reader().await?;
        let found = roots(&mut reader).await;
        self.put_back(reader).await;
        found
    }

    async fn unnoted(&self, of: &Namespace, limit: u32) -> Result<Unnoted, StoreError> {
        let mut reader = self.reader().await?;
        let found = unnoted(&mut reader, of, limit).await;
        self.put_back(reader).await;
        found
    }

    async fn note(
        &self,
        namespace: &Namespace,
        places: (Option<u64>, u64),
        new: Vec<NewNotice>,
    ) -> Result<bool, StoreError> {
        self.carry_out(Note { namespace: namespace.clone(), places, new }).await
    }

    async fn take_notices(&self, of: &Namespace, hold: Duration) -> Result<Vec<Notice>, StoreError> {
        self.carry_out(Take { namespace: of.clone(), hold }).await
    }

    async fn told(&self, notices: &[NoticeId], told: Told) -> Result<(), StoreError> {
        if notices.is_empty() {
            return Ok(());
        }
        self.carry_out(Settle { ids: notices.to_vec(), told }).await
    }

    async fn next_notice_at(&self, of: Option<&Namespace>) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.reader().await?;
        let found = next_at(&mut reader, of).await;
        self.put_back(reader).await;
        found
    }

    async fn notices(
        &self,
        of: Option<&Namespace>,
        status: Option<NoticeStatus>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError> {
        let mut reader = self.reader().await?;
        let found = list(&mut reader, (of, status), limit).await;
        self.put_back(reader).await;
        found
    }
}
