//! An import in one transaction: all that it changes is looked at before anything is written.

use agents_domain::import::{ImportOutcome, ImportWrite, ImportedRun, ImportedRunFilter, Imports};
use agents_domain::schedule::schedules::Written;
use agents_domain::store::StoreError;
use agents_domain::timestamp::Timestamp;
use async_trait::async_trait;

use super::batch::Batch;
use super::connection::Connection;
use super::task::Write;
use super::{SqlStore, definition_table, imported_run_table, schedule_table};

struct Import(ImportWrite, Timestamp);

#[async_trait]
impl Write for Import {
    type Output = ImportOutcome;

    async fn write(&self, on: &mut Connection, _: &mut Batch<'_>) -> Result<ImportOutcome, StoreError> {
        let Self(write, now) = self;
        for new in &write.definitions {
            let known = definition_table::find(on, &new.namespace, &new.name).await?;
            if known.map(|known| known.revision) != new.over {
                return Ok(ImportOutcome::Changed { name: new.name.clone() });
            }
        }
        // It looks at all of them before it writes one.
        match schedule_table::write(on, &write.schedules).await? {
            Written::Done => {}
            Written::NameTaken { name } | Written::Changed { name } => {
                return Ok(ImportOutcome::Changed { name });
            }
        }
        for new in &write.definitions {
            match new.over {
                None => definition_table::insert(on, new, *now).await?,
                Some(known) => definition_table::update(on, new, (known, *now)).await?,
            }
        }
        imported_run_table::put(on, &write.runs).await?;
        Ok(ImportOutcome::Done)
    }
}

#[async_trait]
impl Imports for SqlStore {
    async fn import(&self, write: ImportWrite) -> Result<ImportOutcome, StoreError> {
        if write.is_empty() {
            return Ok(ImportOutcome::Done);
        }
        self.carry_out(Import(write, self.clock.now())).await
    }

    async fn imported_runs(&self, filter: &ImportedRunFilter) -> Result<Vec<ImportedRun>, StoreError> {
        let mut reader = self.reader().await?;
        let found = imported_run_table::list(&mut reader, filter).await;
        self.put_back(reader).await;
        found
    }
}
