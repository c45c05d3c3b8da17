//! Writes the file of a segment's signs.

use std::io::{self, Write};

use tantivy::{
    DocId, Segment,
    directory::{TerminatingWrite, WritePtr},
    index::SegmentComponent,
};

use super::{
    EXTENSION, Pair, Place,
    format::{BLOCK, ENTRY, OFTEN, push},
};

pub struct Writer {
    out: WritePtr,
    written: u64,
    blocks: Vec<(Pair, u64)>,
    block: Block,
    /// Of each part.
    signs: [u64; 2],
}

#[derive(Default)]
struct Block {
    first: Option<Pair>,
    last: u64,
    entries: usize,
    headings: Vec<u8>,
    places: Vec<u8>,
}

/// The entry that is written.
#[derive(Default)]
struct Entry {
    /// Documents of the pair in all entries.
    total: u64,
    first: DocId,
    /// The last document, and where the pair is in it.
    doc: DocId,
    here: Vec<u32>,
    /// Documents but the first one.
    documents: Vec<u8>,
    /// Of all documents.
    counts: Vec<u8>,
    positions: Vec<u8>,
}

impl Writer {
    pub fn open(segment: &Segment) -> tantivy::Result<Self> {
        let out = segment.open_write(SegmentComponent::Custom(EXTENSION.to_owned()))?;
        Ok(Self { out, written: 0, blocks: Vec::new(), block: Block::default(), signs: [0; 2] })
    }

    /// Pairs and the places of each have to come in order.
    pub fn put(&mut self, pair: Pair, places: impl Iterator<Item = Place> + Clone) -> io::Result<()> {
        let mut entry = Entry { total: documents(places.clone()), ..Entry::default() };
        for place in places {
            if !pair.has_positions() {
                self.signs[pair.part() as usize] += 1;
            }
            if place.doc != entry.doc && !entry.here.is_empty() {
                entry.end_document(pair.has_positions());
                if entry.counts.len() == ENTRY {
                    self.end_entry(pair, &mut entry)?;
                }
            }
            entry.put(place);
        }
        entry.end_document(pair.has_positions());
        self.end_entry(pair, &mut entry)
    }

    fn end_entry(&mut self, pair: Pair, entry: &mut Entry) -> io::Result<()> {
        if !entry.counts.is_empty() {
            self.block.put(pair, entry);
        }
        entry.documents.clear();
        entry.counts.clear();
        entry.positions.clear();
        if self.block.entries == BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        let block = &mut self.block;
        let Some(first) = block.first.take() else { return Ok(()) };
        self.blocks.push((first, self.written));
        let length = block.headings.len() as u32;
        for bytes in [&length.to_le_bytes()[..], &block.headings, &block.places] {
            self.out.write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        block.entries = 0;
        block.headings.clear();
        block.places.clear();
        Ok(())
    }

    /// `norms` are how long each part of each document is.
    pub fn finish(mut self, norms: &[Vec<u8>; 2]) -> tantivy::Result<()> {
        self.end_block()?;
        for (first, begin) in &self.blocks {
            self.out.write_all(&first.0.to_le_bytes())?;
            self.out.write_all(&begin.to_le_bytes())?;
        }
        for norms in norms {
            self.out.write_all(norms)?;
        }
        for number in [self.signs[0], self.signs[1], self.blocks.len() as u64, norms[0].len() as u64] {
            self.out.write_all(&number.to_le_bytes())?;
        }
        Ok(self.out.terminate()?)
    }
}

impl Block {
    fn put(&mut self, pair: Pair, entry: &Entry) {
        if self.first.is_none() {
            self.first = Some(pair);
            self.last = pair.0;
        }
        let count = entry.counts.len() as u64;
        let is_repeated = entry.counts.iter().any(|count| *count > 1);
        let lengths = [entry.documents.len() as u64, entry.positions.len() as u64];
        let first = u64::from(entry.first);
        for number in [pair.0 - self.last, count << 1 | u64::from(is_repeated), first, lengths[0], lengths[1]] {
            push(&mut self.headings, number);
        }
        if count == ENTRY as u64 {
            push(&mut self.headings, entry.total);
        }
        self.places.extend_from_slice(&entry.documents);
        if is_repeated {
            self.places.extend_from_slice(&entry.counts);
        }
        self.places.extend_from_slice(&entry.positions);
        self.last = pair.0;
        self.entries += 1;
    }
}

/// How many there are; they come in order.
fn documents(places: impl Iterator<Item = Place>) -> u64 {
    let (mut count, mut before) = (0, None);
    for Place { doc, .. } in places {
        count += u64::from(before.replace(doc) != Some(doc));
    }
    count
}

impl Entry {
    fn put(&mut self, place: Place) {
        if self.here.is_empty() {
            if self.counts.is_empty() {
                self.first = place.doc;
            } else {
                push(&mut self.documents, (place.doc - self.doc).into());
            }
            self.doc = place.doc;
        }
        self.here.push(place.position);
    }

    fn end_document(&mut self, has_positions: bool) {
        if self.here.is_empty() {
            return;
        }
        let count = u8::try_from(self.here.len()).unwrap_or(OFTEN);
        self.counts.push(count);
        if has_positions {
            if count == OFTEN {
                push(&mut self.positions, self.here.len() as u64);
            }
            let mut before = 0;
            for position in &self.here {
                push(&mut self.positions, (position - before).into());
                before = *position;
            }
        }
        self.here.clear();
    }
}
