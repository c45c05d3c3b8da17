//! Collects the signs of the videos of a new segment.

use std::any::Any;

use tantivy::{
    DocId, PluginMergeContext, PluginWriter, PluginWriterContext, Segment, SegmentPlugin, TantivyDocument,
    TantivyError,
    fieldnorm::FieldNormReader,
    indexer::DocIdMapping,
    schema::{Field, Schema, Value, document::ErasedDocument},
};

use super::{EXTENSION, Pair, Part, Place, merge::merge, write::Writer};
use crate::text::pairs::Signs;

/// Makes tantivy keep the signs of two fields.
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
        Ok(Box::new(Collector { fields, signs: Vec::new(), norms: [Vec::new(), Vec::new()] }))
    }

    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        merge(&context)
    }
}

struct Collector {
    /// Of each part.
    fields: [Field; 2],
    /// A pair, its document and its position, in one number: those are compared
    /// fastest, and there are millions of them.
    signs: Vec<u128>,
    /// How long each part of each document is, as tantivy rounds it.
    norms: [Vec<u8>; 2],
}

fn packed(pair: Pair, place: Place) -> u128 {
    u128::from(pair.0) << 64 | u128::from(place.doc) << 32 | u128::from(place.position)
}

fn pair(packed: u128) -> Pair {
    Pair((packed >> 64) as u64)
}

fn place(packed: u128) -> Place {
    Place { doc: (packed >> 32) as u32, position: packed as u32 }
}

impl PluginWriter for Collector {
    fn add_document(&mut self, doc: DocId, document: &dyn ErasedDocument, _: &Schema) -> tantivy::Result<()> {
        let document = document.as_any().downcast_ref::<TantivyDocument>();
        let document = document.ok_or_else(|| TantivyError::InternalError("a document of another kind".to_owned()))?;
        for (part, field) in Part::ALL.into_iter().zip(self.fields) {
            let (before, mut position) = (self.signs.len(), 0);
            // Half of all texts have no signs, which is seen at once.
            for text in document.get_all(field).filter_map(|text| text.as_str()).filter(|text| !text.is_ascii()) {
                let mut signs = Signs::new(text, position);
                self.signs.extend(signs.by_ref().map(|sign| {
                    let place = Place { doc, position: sign.position };
                    packed(Pair::new(part, sign.letter, sign.next), place)
                }));
                position = signs.end();
            }
            let length = self.signs.len() - before;
            self.norms[part as usize].push(FieldNormReader::fieldnorm_to_id(length as u32));
        }
        Ok(())
    }

    fn serialize(mut self: Box<Self>, segment: &Segment, _: Option<&DocIdMapping>) -> tantivy::Result<()> {
        self.signs.sort_unstable();
        let mut writer = Writer::open(segment)?;
        let mut alone = Vec::new();
        for signs in self.signs.chunk_by(|one, other| pair(*one).alone() == pair(*other).alone()) {
            alone.clear();
            alone.extend(signs.iter().map(|sign| place(*sign).doc));
            alone.sort_unstable();
            writer.put(pair(signs[0]).alone(), alone.iter().map(|doc| Place { doc: *doc, position: 0 }))?;
            for signs in signs.chunk_by(|one, other| pair(*one) == pair(*other)) {
                // The last one of a run is in no pair.
                if pair(signs[0]).has_positions() {
                    writer.put(pair(signs[0]), signs.iter().copied().map(place))?;
                }
            }
        }
        writer.finish(&self.norms)
    }

    fn mem_usage(&self) -> usize {
        self.signs.len() * size_of::<u128>() + self.norms.iter().map(Vec::len).sum::<usize>()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
