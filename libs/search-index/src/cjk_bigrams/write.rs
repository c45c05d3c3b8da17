//! Writes the bigram file of a segment.

use std::io::{self, Write};

use tantivy::{
    DocId, Segment,
    directory::{TerminatingWrite, WritePtr},
    index::SegmentComponent,
};

use super::{
    Bigram, EXTENSION, Occurrence,
    format::{DOCS_PER_ENTRY, ENTRIES_PER_BLOCK, FREQ_OVERFLOW, write_varint},
};

pub struct Writer {
    out: WritePtr,
    written: u64,
    block_index: Vec<(Bigram, u64)>,
    block: Block,
    /// By part.
    characters: [u64; 2],
}

#[derive(Default)]
struct Block {
    first: Option<Bigram>,
    last: u64,
    entries: usize,
    headers: Vec<u8>,
    postings: Vec<u8>,
}

/// The entry being written.
#[derive(Default)]
struct Entry {
    /// Documents of the bigram in all entries.
    doc_freq: u64,
    first: DocId,
    /// The current document, and the positions in it.
    doc: DocId,
    doc_positions: Vec<u32>,
    /// All documents but the first.
    documents: Vec<u8>,
    term_freqs: Vec<u8>,
    positions: Vec<u8>,
}

impl Writer {
    pub fn open(segment: &Segment) -> tantivy::Result<Self> {
        let out = segment.open_write(SegmentComponent::Custom(EXTENSION.to_owned()))?;
        Ok(Self { out, written: 0, block_index: Vec::new(), block: Block::default(), characters: [0; 2] })
    }

    /// Bigrams, and the occurrences of each, have to come in order.
    pub fn put(&mut self, bigram: Bigram, occurrences: impl Iterator<Item = Occurrence> + Clone) -> io::Result<()> {
        let mut entry = Entry { doc_freq: doc_freq(occurrences.clone()), ..Entry::default() };
        for occurrence in occurrences {
            if !bigram.has_positions() {
                self.characters[bigram.part() as usize] += 1;
            }
            if occurrence.doc != entry.doc && !entry.doc_positions.is_empty() {
                entry.end_document(bigram.has_positions());
                if entry.term_freqs.len() == DOCS_PER_ENTRY {
                    self.end_entry(bigram, &mut entry)?;
                }
            }
            entry.put(occurrence);
        }
        entry.end_document(bigram.has_positions());
        self.end_entry(bigram, &mut entry)
    }

    fn end_entry(&mut self, bigram: Bigram, entry: &mut Entry) -> io::Result<()> {
        if !entry.term_freqs.is_empty() {
            self.block.put(bigram, entry);
        }
        entry.documents.clear();
        entry.term_freqs.clear();
        entry.positions.clear();
        if self.block.entries == ENTRIES_PER_BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        let block = &mut self.block;
        let Some(first) = block.first.take() else { return Ok(()) };
        self.block_index.push((first, self.written));
        let length = block.headers.len() as u32;
        for bytes in [&length.to_le_bytes()[..], &block.headers, &block.postings] {
            self.out.write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        block.entries = 0;
        block.headers.clear();
        block.postings.clear();
        Ok(())
    }

    /// `norms` are the field norms of the documents, by part.
    pub fn finish(mut self, norms: &[Vec<u8>; 2]) -> tantivy::Result<()> {
        self.end_block()?;
        for (first, begin) in &self.block_index {
            self.out.write_all(&first.0.to_le_bytes())?;
            self.out.write_all(&begin.to_le_bytes())?;
        }
        for norms in norms {
            self.out.write_all(norms)?;
        }
        let [head, body] = self.characters;
        for number in [head, body, self.block_index.len() as u64, norms[0].len() as u64] {
            self.out.write_all(&number.to_le_bytes())?;
        }
        Ok(self.out.terminate()?)
    }
}

impl Block {
    fn put(&mut self, bigram: Bigram, entry: &Entry) {
        if self.first.is_none() {
            self.first = Some(bigram);
            self.last = bigram.0;
        }
        let count = entry.term_freqs.len() as u64;
        let is_repeated = entry.term_freqs.iter().any(|freq| *freq > 1);
        let lengths = [entry.documents.len() as u64, entry.positions.len() as u64];
        let first = u64::from(entry.first);
        for number in [bigram.0 - self.last, count << 1 | u64::from(is_repeated), first, lengths[0], lengths[1]] {
            write_varint(&mut self.headers, number);
        }
        if count == DOCS_PER_ENTRY as u64 {
            write_varint(&mut self.headers, entry.doc_freq);
        }
        self.postings.extend_from_slice(&entry.documents);
        if is_repeated {
            self.postings.extend_from_slice(&entry.term_freqs);
        }
        self.postings.extend_from_slice(&entry.positions);
        self.last = bigram.0;
        self.entries += 1;
    }
}

/// Counts the documents of occurrences in order.
fn doc_freq(occurrences: impl Iterator<Item = Occurrence>) -> u64 {
    let (mut count, mut before) = (0, None);
    for Occurrence { doc, .. } in occurrences {
        count += u64::from(before.replace(doc) != Some(doc));
    }
    count
}

impl Entry {
    fn put(&mut self, occurrence: Occurrence) {
        if self.doc_positions.is_empty() {
            if self.term_freqs.is_empty() {
                self.first = occurrence.doc;
            } else {
                write_varint(&mut self.documents, (occurrence.doc - self.doc).into());
            }
            self.doc = occurrence.doc;
        }
        self.doc_positions.push(occurrence.position);
    }

    fn end_document(&mut self, has_positions: bool) {
        if self.doc_positions.is_empty() {
            return;
        }
        let term_freq = u8::try_from(self.doc_positions.len()).unwrap_or(FREQ_OVERFLOW);
        self.term_freqs.push(term_freq);
        if has_positions {
            if term_freq == FREQ_OVERFLOW {
                write_varint(&mut self.positions, self.doc_positions.len() as u64);
            }
            let mut before = 0;
            for position in &self.doc_positions {
                write_varint(&mut self.positions, (position - before).into());
                before = *position;
            }
        }
        self.doc_positions.clear();
    }
}
