//! The outputs of runs that are kept as blobs: one goes when no run that is kept has its output in it.

use std::collections::HashMap;

use agents_domain::blob::BlobId;
use agents_domain::retention::Keep;
use agents_domain::store::StoreError;
use agents_domain::upkeep::AttemptStanding;

use super::plan::{self, House};
use super::sweep::{GoneOutput, Left, Mode, Retentions, Sweep, SweepReport, aside};
use crate::blob::{self, BlobFile};

/// Removes what is to go of the blobs of one shard. Their files are looked at before the runs: one that is named
/// meanwhile was made young meanwhile.
pub(super) async fn sweep(
    sweep: &Sweep,
    shard: u16,
    (house, retentions): (&House, &mut Retentions<'_>),
    report: &mut SweepReport,
) -> Result<(), StoreError> {
    let data_folder = sweep.data_folder.clone();
    let files = match aside(move || blob::list(&data_folder, shard)).await {
        Ok(files) => files,
        Err(error) => {
            let folder = sweep.data_folder.join("blobs").join(format!("{shard:02x}"));
            report.left.push(Left::new(&folder, &error));
            return Ok(());
        }
    };
    let names: Vec<BlobId> = files.iter().filter_map(|file| file.blob.clone()).collect();
    let mut named: HashMap<BlobId, Vec<(AttemptStanding, Option<Keep>)>> = HashMap::new();
    for (blob, standing) in sweep.store.standings_of_blobs(&names).await? {
        let keep = retentions.of(&standing.workspace).map(|retention| retention.logs);
        named.entry(blob).or_default().push((standing, keep));
    }
    for file in files {
        if sweep.bounds.is_reached(report.files()) {
            report.next_shard = Some(shard);
            return Ok(());
        }
        let of = file.blob.as_ref().and_then(|blob| named.get(blob)).map_or(&[][..], Vec::as_slice);
        let of: Vec<_> = of.iter().map(|(standing, keep)| (standing, *keep)).collect();
        if let Some(why) = plan::blob(file.modified, &of, house) {
            take(sweep, file, why, report).await;
        }
    }
    Ok(())
}

async fn take(sweep: &Sweep, file: BlobFile, why: plan::Why, report: &mut SweepReport) {
    let gone = GoneOutput { path: file.path.clone(), bytes: file.bytes, why };
    let (data_folder, mode) = (sweep.data_folder.clone(), sweep.mode);
    let taken = aside(move || match mode {
        Mode::Remove => blob::remove(&data_folder, &file),
        Mode::DryRun => Ok(true),
    });
    match taken.await {
        Ok(true) => report.outputs.push(gone),
        // Kept once more meanwhile, or removed by another one.
        Ok(false) => {}
        Err(error) => report.left.push(Left::new(&gone.path, &error)),
    }
}
