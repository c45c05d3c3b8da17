//! Collects the bigrams of a new segment.

use std::any::Any;

use tantivy::{
    DocId, PluginMergeContext, PluginWriter, PluginWriterContext, Segment, SegmentPlugin, TantivyDocument,
    TantivyError,
    fieldnorm::FieldNormReader,
    indexer::DocIdMapping,
    schema::{Field, Schema, Value, document::ErasedDocument},
};

use super::{Bigram, EXTENSION, Occurrence, Part, merge::merge, write::Writer};
use crate::text::cjk::CjkChars;

/// Makes tantivy index the bigrams of two fields.
pub struct Plugin {
    pub head: Field,
    pub body: Field,
}

impl SegmentPlugin for Plugin {
    fn extensions(&self) -> &[&str] {
        &[EXTENSION]
    }

    fn create_writer(&self, _: &PluginWriterContext<'_>) -> tantivy::Result<Box<dyn PluginWriter>> {
        let fields = [self.head, self.body];
        Ok(Box::new(Collector { fields, packed: Vec::new(), norms: [Vec::new(), Vec::new()] }))
    }

    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        merge(&context)
    }
}

struct Collector {
    /// By part.
    fields: [Field; 2],
    /// A bigram, its document and its position in one number: there are millions
    /// of them to sort, and integers compare fastest.
    packed: Vec<u128>,
    /// Field norms of the documents, by part.
    norms: [Vec<u8>; 2],
}

fn pack(bigram: Bigram, occurrence: Occurrence) -> u128 {
    u128::from(bigram.0) << 64 | u128::from(occurrence.doc) << 32 | u128::from(occurrence.position)
}

fn bigram(packed: u128) -> Bigram {
    Bigram((packed >> 64) as u64)
}

fn occurrence(packed: u128) -> Occurrence {
    Occurrence { doc: (packed >> 32) as u32, position: packed as u32 }
}

impl PluginWriter for Collector {
    fn add_document(&mut self, doc: DocId, document: &dyn ErasedDocument, _: &Schema) -> tantivy::Result<()> {
        let document = document.as_any().downcast_ref::<TantivyDocument>();
        let document = document.ok_or_else(|| TantivyError::InternalError("a document of another type".to_owned()))?;
        for (part, field) in Part::ALL.into_iter().zip(self.fields) {
            let (before, mut position) = (self.packed.len(), 0);
            // Half of all texts are ASCII, which is checked faster than scanned.
            for text in document.get_all(field).filter_map(|text| text.as_str()).filter(|text| !text.is_ascii()) {
                let mut chars = CjkChars::new(text, position);
                self.packed.extend(
                    chars
                        .by_ref()
                        .map(|c| pack(Bigram::new(part, c.char, c.next), Occurrence { doc, position: c.position })),
                );
                position = chars.next_position();
            }
            let length = self.packed.len() - before;
            self.norms[part as usize].push(FieldNormReader::fieldnorm_to_id(length as u32));
        }
        Ok(())
    }

    fn serialize(mut self: Box<Self>, segment: &Segment, _: Option<&DocIdMapping>) -> tantivy::Result<()> {
        self.packed.sort_unstable();
        let mut writer = Writer::open(segment)?;
        let mut docs = Vec::new();
        for same_first in self.packed.chunk_by(|a, b| bigram(*a).unigram() == bigram(*b).unigram()) {
            docs.clear();
            docs.extend(same_first.iter().map(|packed| occurrence(*packed).doc));
            docs.sort_unstable();
            let occurrences = docs.iter().map(|doc| Occurrence { doc: *doc, position: 0 });
            writer.put(bigram(same_first[0]).unigram(), occurrences)?;
            for same in same_first.chunk_by(|a, b| bigram(*a) == bigram(*b)) {
                // The last character of a run begins no bigram.
                if bigram(same[0]).has_positions() {
                    writer.put(bigram(same[0]), same.iter().copied().map(occurrence))?;
                }
            }
        }
        writer.finish(&self.norms)
    }

    fn mem_usage(&self) -> usize {
        self.packed.len() * size_of::<u128>() + self.norms.iter().map(Vec::len).sum::<usize>()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
