//! Operations that write tables of their own, in the transaction of the others: schedules, subscriptions, and their kin.

use agents_domain::store::StoreError;
use async_trait::async_trait;
use tokio::sync::oneshot;

use super::batch::Batch;
use super::connection::Connection;

/// What is to be written.
#[async_trait]
pub(super) trait Write: Send + Sync {
    type Output: Send + Sync;

    /// Writes it. If the transaction fails, it is asked once more, alone; so it keeps nothing. An error undoes all that it has
    /// written.
    async fn write(&self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<Self::Output, StoreError>;
}

/// A [`Write`] of any kind, and who waits for it.
#[async_trait]
pub(super) trait Task: Send + Sync {
    async fn work(&mut self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<(), StoreError>;

    /// The transaction is committed.
    fn answer(self: Box<Self>);

    /// Nothing of it has happened.
    fn fail(self: Box<Self>, error: StoreError);
}

/// A write, and who waits for it.
pub(super) struct Asked<W: Write> {
    write: W,
    output: Option<W::Output>,
    reply: oneshot::Sender<Result<W::Output, StoreError>>,
}

impl<W: Write> Asked<W> {
    pub fn new(write: W, reply: oneshot::Sender<Result<W::Output, StoreError>>) -> Self {
        Self { write, output: None, reply }
    }
}

#[async_trait]
impl<W: Write> Task for Asked<W> {
    async fn work(&mut self, on: &mut Connection, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        self.output = Some(self.write.write(on, batch).await?);
        Ok(())
    }

    fn answer(self: Box<Self>) {
        let unheard = || StoreError::Database { doing: "answering", why: "a task was never done".to_owned() };
        // Whoever has asked may be gone; what was written stays.
        self.reply.send(self.output.ok_or_else(unheard)).unwrap_or(());
    }

    fn fail(self: Box<Self>, error: StoreError) {
        self.reply.send(Err(error)).unwrap_or(());
    }
}
