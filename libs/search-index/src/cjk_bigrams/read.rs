//! Reads the bigram file of a segment.

use std::{io, sync::Arc};

use tantivy::{DocId, DocSet, SegmentReader, TERMINATED, directory::OwnedBytes, index::SegmentComponent};

use super::{
    Bigram, EXTENSION, Part,
    format::{BLOCK_INDEX_ENTRY_BYTES, DOCS_PER_ENTRY, FOOTER_BYTES, FREQ_OVERFLOW, read_varint, skip_varints},
};

/// The bigrams of a segment.
pub struct Reader {
    bytes: OwnedBytes,
    /// Offset and length of the block index.
    block_index: (usize, usize),
    documents: u32,
    /// By part.
    characters: [u64; 2],
}

impl Reader {
    pub fn open(segment: &SegmentReader) -> tantivy::Result<Arc<Self>> {
        let bytes = segment.open_read(SegmentComponent::Custom(EXTENSION.to_owned()))?.read_bytes()?;
        let corrupt = || io::Error::new(io::ErrorKind::InvalidData, "a bigram file is corrupt");
        let footer = bytes.len().checked_sub(FOOTER_BYTES).ok_or_else(corrupt)?;
        let [head, body, blocks, documents] = [0, 1, 2, 3].map(|at| read_u64(&bytes, footer + 8 * at));
        if documents != u64::from(segment.max_doc()) {
            return Err(corrupt().into());
        }
        let norms = documents as usize * Part::ALL.len();
        let length = (blocks as usize).checked_mul(BLOCK_INDEX_ENTRY_BYTES).ok_or_else(corrupt)?;
        let begin = footer.checked_sub(norms).and_then(|end| end.checked_sub(length)).ok_or_else(corrupt)?;
        let (block_index, documents) = ((begin, blocks as usize), documents as u32);
        Ok(Arc::new(Self { bytes, block_index, documents, characters: [head, body] }))
    }

    pub fn documents(&self) -> u32 {
        self.documents
    }

    /// In all documents.
    pub fn characters(&self, part: Part) -> u64 {
        self.characters[part as usize]
    }

    /// The field norm: tantivy's rounded length.
    pub fn norm(&self, part: Part, doc: DocId) -> u8 {
        let (begin, count) = self.block_index;
        let norms = begin + count * BLOCK_INDEX_ENTRY_BYTES + part as usize * self.documents as usize;
        self.bytes[norms + doc as usize]
    }

    /// All entries from the first one of a bigram on.
    pub fn entries_from(self: &Arc<Self>, bigram: Bigram) -> Entries {
        // The first entry may be inside the block before those that begin with
        // the bigram.
        let (mut low, mut high) = (0, self.block_index.1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.block(middle).0 < bigram {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut entries = Entries::of_block(self.clone(), low.saturating_sub(1));
        while entries.next.is_some_and(|next| next.bigram < bigram) {
            entries.next();
        }
        entries
    }

    pub fn postings(self: &Arc<Self>, bigram: Bigram) -> Option<Postings> {
        let postings = Postings::next(self.entries_from(bigram))?;
        (postings.bigram == bigram).then_some(postings)
    }

    pub fn doc_freq(self: &Arc<Self>, bigram: Bigram) -> u64 {
        self.entries_from(bigram).next.filter(|entry| entry.bigram == bigram).map_or(0, |entry| entry.doc_freq)
    }

    /// The first bigram and the offset of a block; the last block ends where the
    /// block index begins.
    fn block(&self, at: usize) -> (Bigram, usize) {
        let (begin, count) = self.block_index;
        if at >= count {
            return (Bigram(u64::MAX), begin);
        }
        let entry = begin + at * BLOCK_INDEX_ENTRY_BYTES;
        (Bigram(read_u64(&self.bytes, entry)), (read_u64(&self.bytes, entry + 8) as usize).min(begin))
    }
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The decoded header of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bigram: Bigram,
    /// In the first entry of a bigram: its documents in all entries.
    doc_freq: u64,
    /// Documents of this entry.
    count: u64,
    first: DocId,
    /// Offsets of the other documents, the term frequencies and the positions.
    documents: usize,
    term_freqs: Option<usize>,
    positions: usize,
}

/// Iterates over the headers.
#[derive(Clone)]
pub struct Entries {
    reader: Arc<Reader>,
    block: usize,
    /// Offset of the next header, and end of the block's headers.
    headers: (usize, usize),
    /// Offset of the next postings.
    postings: usize,
    bigram: u64,
    next: Option<Header>,
}

impl Entries {
    fn of_block(reader: Arc<Reader>, block: usize) -> Self {
        let mut entries = Self { reader, block, headers: (0, 0), postings: 0, bigram: 0, next: None };
        entries.open_block();
        entries.next = entries.read();
        entries
    }

    fn open_block(&mut self) {
        let ((first, begin), (_, end)) = (self.reader.block(self.block), self.reader.block(self.block + 1));
        let length = self.reader.bytes.get(begin..end).and_then(|bytes| bytes.first_chunk());
        let length = length.map_or(0, |length| u32::from_le_bytes(*length) as usize);
        let headers = (begin + 4).min(end);
        self.headers = (headers, (headers + length).min(end));
        self.postings = self.headers.1;
        self.bigram = first.0;
    }

    fn read(&mut self) -> Option<Header> {
        while self.headers.0 >= self.headers.1 {
            self.block += 1;
            if self.block >= self.reader.block_index.1 {
                return None;
            }
            self.open_block();
        }
        let (bytes, at) = (&self.reader.bytes[..self.headers.1], &mut self.headers.0);
        let [delta, count, first, documents_length, positions_length] = std::array::from_fn(|_| read_varint(bytes, at));
        let (documents, is_repeated, count) = (self.postings, count & 1 == 1, count >> 1);
        let doc_freq = if count == DOCS_PER_ENTRY as u64 { read_varint(bytes, at) } else { count };
        self.bigram += delta;
        let term_freqs = documents + documents_length as usize;
        let positions = term_freqs + if is_repeated { count as usize } else { 0 };
        self.postings = positions + positions_length as usize;
        let (bigram, first, term_freqs) = (Bigram(self.bigram), first as DocId, is_repeated.then_some(term_freqs));
        Some(Header { bigram, doc_freq, count, first, documents, term_freqs, positions })
    }
}

impl Iterator for Entries {
    type Item = Header;

    fn next(&mut self) -> Option<Header> {
        let next = self.next.take()?;
        self.next = self.read();
        Some(next)
    }
}

/// The documents that have a bigram.
#[derive(Clone)]
pub struct Postings {
    pub bigram: Bigram,
    doc_freq: u64,
    /// The current entry, and those after it.
    entry: Header,
    entries: Entries,
    /// The current document, its index in the entry, and the next one's offset.
    doc: DocId,
    at: u64,
    next: usize,
    /// Index of the document that the next positions belong to, and their offset.
    positions: (u64, usize),
}

impl Postings {
    /// Those of the next bigram.
    pub fn next(mut entries: Entries) -> Option<Self> {
        let entry = entries.next()?;
        let Header { bigram, doc_freq, first: doc, documents: next, positions, .. } = entry;
        Some(Self { bigram, doc_freq, entry, entries, doc, at: 0, next, positions: (0, positions) })
    }

    /// Skips to the entries of the next bigram.
    pub fn into_next_bigram(mut self) -> Entries {
        while self.next_entry().is_some() {
            self.entries.next();
        }
        self.entries
    }

    fn next_entry(&self) -> Option<Header> {
        self.entries.next.filter(|next| next.bigram == self.bigram)
    }

    fn enter(&mut self, entry: Header) {
        (self.doc, self.at, self.next) = (entry.first, 0, entry.documents);
        self.positions = (0, entry.positions);
        self.entry = entry;
    }

    /// Advances within the entry; false at its end.
    #[inline]
    fn step(&mut self) -> bool {
        if self.at + 1 >= self.entry.count {
            return false;
        }
        self.at += 1;
        self.doc = self.doc.saturating_add(read_varint(&self.entries.reader.bytes, &mut self.next) as u32);
        true
    }

    fn bytes(&self) -> &[u8] {
        &self.entries.reader.bytes
    }

    fn stored_term_freq(&self, at: u64) -> u8 {
        self.entry.term_freqs.and_then(|freqs| self.bytes().get(freqs + at as usize)).map_or(1, |freq| *freq)
    }

    /// Occurrences in the current document, at most 255.
    pub fn term_freq(&self) -> u32 {
        self.stored_term_freq(self.at).into()
    }

    /// Reads the positions in the current document; call it once per document.
    pub fn positions(&mut self, found: &mut Vec<u32>) {
        found.clear();
        if !self.bigram.has_positions() {
            found.resize(self.term_freq() as usize, 0);
            return;
        }
        let (mut doc_index, mut at) = self.positions;
        while doc_index <= self.at {
            let bytes = self.bytes();
            let count = self.stored_term_freq(doc_index);
            let count = if count == FREQ_OVERFLOW { read_varint(bytes, &mut at) } else { count.into() };
            if doc_index < self.at {
                skip_varints(bytes, &mut at, count);
            } else {
                let mut position = 0_u32;
                for _ in 0..count.min(bytes.len() as u64) {
                    position = position.saturating_add(read_varint(bytes, &mut at) as u32);
                    found.push(position);
                }
            }
            doc_index += 1;
        }
        self.positions = (doc_index, at);
    }
}

impl DocSet for Postings {
    fn advance(&mut self) -> DocId {
        if !self.step() {
            match self.next_entry() {
                Some(entry) => {
                    self.entries.next();
                    self.enter(entry);
                }
                None => self.doc = TERMINATED,
            }
        }
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let mut last = None;
        while let Some(entry) = self.next_entry()
            && entry.first <= target
        {
            last = self.entries.next();
        }
        if let Some(entry) = last {
            self.enter(entry);
        }
        while self.doc < target && self.step() {}
        if self.doc < target { self.advance() } else { self.doc }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.doc_freq as u32
    }
}
