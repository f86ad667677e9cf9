//! What two routers say to each other (`FAP-72`). Frames are the bodies of the mesh's Beside frames.

use alloc::vec::Vec;

use mesh::{
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

use crate::cache::Bucket;

pub(super) const HELLO: u8 = 1;
pub(super) const BUCKETS: u8 = 2;
pub(super) const LISTS: u8 = 3;
pub(super) const NEEDS: u8 = 4;
pub(super) const OBJECTS: u8 = 5;
pub(super) const QUERY: u8 = 6;
pub(super) const ANSWER: u8 = 7;

const VERSION: u8 = 1;
/// Every region, in a hello.
pub(super) const EVERYWHERE: u8 = 255;
/// First bytes of a blinded id.
pub(super) type Short = [u8; 6];
pub(super) type Digest = [u8; 16];
/// Length of a query, whatever is asked.
pub(super) const QUERY_LEN: usize = 64;

/// The beginning of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    /// Drawn for this comparison: blinds ids, and decides who begins.
    pub(super) nonce: u64,
    /// The region that is compared, or [`EVERYWHERE`].
    pub(super) region: u8,
    /// Of all ids in it.
    pub(super) digest: Digest,
    /// Whether it answers one.
    pub(super) is_answer: bool,
}

impl Hello {
    pub(super) const LEN: usize = 1 + 1 + 1 + 8 + 1 + 16;

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .u8(HELLO)
            .u8(VERSION)
            .u8(self.is_answer.into())
            .u64(self.nonce)
            .u8(self.region)
            .array(&self.digest);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let version = r.u8("router version")?;
        if version != VERSION {
            return Err(Unsupported::Version(version).into());
        }
        let is_answer = match r.u8("hello flags")? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::OutOfRange("hello flags").into()),
        };
        let (nonce, region) = (r.u64("hello nonce")?, r.u8("hello region")?);
        if region > 99 && region != EVERYWHERE {
            return Err(Malformed::OutOfRange("hello region").into());
        }
        Ok(Self { nonce, region, digest: r.array("hello digest")?, is_answer })
    }
}

/// A region and a day in three bytes.
pub(super) fn write_bucket(w: &mut Writer<'_>, bucket: Bucket) {
    w.u8(bucket.region).u16(bucket.day);
}

pub(super) fn read_bucket(r: &mut Reader<'_>) -> Result<Bucket, Malformed> {
    let (region, day) = (r.u8("region")?, r.u16("day")?);
    if region > Bucket::TOMBSTONES {
        return Err(Malformed::OutOfRange("region"));
    }
    Ok(Bucket { region, day })
}

/// Adds `length u16 | bytes`.
pub(super) fn write_object(out: &mut Vec<u8>, object: &[u8]) {
    Writer::new(out).u16(object.len() as u16).bytes(object);
}

/// A search by region over the mesh: nothing of who asks, nothing finer than two digits (`FAP-80`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) id: [u8; 16],
    pub(super) hops: u8,
    pub(super) region: u8,
    pub(super) fachrichtungen: u16,
    pub(super) kostentraeger: u16,
}

impl Query {
    pub(super) fn write(&self, out: &mut Vec<u8>, padding: &[u8; PADDING]) {
        Writer::new(out)
            .u8(QUERY)
            .array(&self.id)
            .u8(self.hops)
            .u8(self.region)
            .u16(self.fachrichtungen)
            .u16(self.kostentraeger)
            .array(padding);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let this = Self {
            id: r.array("query id")?,
            hops: r.u8("query hops")?,
            region: r.u8("query region")?,
            fachrichtungen: r.u16("query Fachrichtung")?,
            kostentraeger: r.u16("query Kostentraeger")?,
        };
        let _: [u8; PADDING] = r.array("query padding")?;
        if this.hops > HOPS_MAX || this.region > 99 {
            return Err(Malformed::OutOfRange("query"));
        }
        Ok(this)
    }
}

pub(super) const PADDING: usize = QUERY_LEN - (1 + 16 + 1 + 1 + 2 + 2);
/// How far a query goes.
pub(super) const HOPS_MAX: u8 = 4;
