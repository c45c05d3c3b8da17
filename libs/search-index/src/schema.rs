//! The fields of the index.

use tantivy::{
    TantivyDocument,
    schema::{FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{TextAnalyzer, TokenizerManager},
};

use crate::{
    document::Document,
    signs::Plugin,
    text::{
        scan::folded,
        tokens::{TEXT, TextTokenizer},
    },
};

/// Grows with every change of the fields or the tokenizer; an index of another
/// version is built anew.
pub const VERSION: u32 = 4;

/// Beginnings of titles are terms up to this many letters; for longer ones the
/// words tell which of those titles go on so. Whole titles as terms would be
/// new ones for each video, and took an eighth of the time of building.
pub const LONGEST_START: usize = 4;

/// Between a folded name and the name as it is shown.
pub const KEY_END: char = '\0';

/// Names of the columns.
pub mod column {
    pub const ID: &str = "id";
    pub const CATEGORY: &str = "category";
    pub const TAGS: &str = "tags";
    pub const DURATION: &str = "duration";
    pub const PUBLISHED: &str = "published";
    pub const FACTS: &str = "facts";
    pub const VIEWS: &str = "views";
    pub const DIGEST: &str = "digest";
}

#[derive(Debug, Clone)]
pub struct Fields {
    pub schema: Schema,
    /// Words of the title and the names of tags and channel.
    pub head: Field,
    /// Words of the description.
    pub body: Field,
    /// Only kept, to be suggested.
    pub title: Field,
    pub id: Field,
    pub channel: Field,
    pub category: Field,
    pub tags: Field,
    duration: Field,
    published: Field,
    facts: Field,
    views: Field,
    digest: Field,
    /// Beginnings of the folded title.
    pub start: Field,
    /// Folded tag names, each with the name itself.
    pub tag_key: Field,
}

impl Fields {
    pub fn new() -> Self {
        let words = || {
            let indexing =
                TextFieldIndexing::default().set_tokenizer(TEXT).set_index_option(IndexRecordOption::WithFreqs);
            TextOptions::default().set_indexing_options(indexing)
        };
        let raw = || {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_fieldnorms(false)
                .set_index_option(IndexRecordOption::Basic);
            TextOptions::default().set_indexing_options(indexing)
        };
        let found = || NumericOptions::default() | INDEXED;
        let mut schema = Schema::builder();
        Self {
            head: schema.add_text_field("head", words()),
            body: schema.add_text_field("body", words()),
            title: schema.add_text_field("title", STORED),
            id: schema.add_i64_field(column::ID, found() | FAST),
            channel: schema.add_i64_field("channel", found()),
            category: schema.add_i64_field(column::CATEGORY, found() | FAST),
            tags: schema.add_i64_field(column::TAGS, found() | FAST),
            duration: schema.add_i64_field(column::DURATION, FAST),
            published: schema.add_i64_field(column::PUBLISHED, FAST),
            facts: schema.add_u64_field(column::FACTS, FAST),
            views: schema.add_u64_field(column::VIEWS, FAST),
            digest: schema.add_u64_field(column::DIGEST, FAST),
            start: schema.add_text_field("start", raw()),
            tag_key: schema.add_text_field("tag_key", raw()),
            schema: schema.build(),
        }
    }

    /// Where words are.
    pub fn words(&self) -> [Field; 2] {
        [self.head, self.body]
    }

    pub fn tokenizers() -> TokenizerManager {
        let tokenizers = TokenizerManager::default();
        tokenizers.register(TEXT, TextAnalyzer::from(TextTokenizer::default()));
        tokenizers
    }

    /// What keeps the signs of the fields with words.
    pub fn signs(&self) -> Plugin {
        Plugin { head: self.head, body: self.body }
    }

    pub fn document(&self, video: &Document, digest: u64) -> TantivyDocument {
        let mut doc = TantivyDocument::new();
        for name in [&video.title, &video.channel_name].into_iter().chain(&video.tag_names) {
            doc.add_text(self.head, name);
        }
        doc.add_text(self.body, &video.description);
        doc.add_text(self.title, &video.title);
        doc.add_i64(self.id, video.id);
        doc.add_i64(self.channel, video.channel_id);
        doc.add_i64(self.category, video.category_id);
        for tag in &video.tag_ids {
            doc.add_i64(self.tags, *tag);
        }
        doc.add_i64(self.duration, video.duration);
        doc.add_i64(self.published, video.published_at);
        doc.add_u64(self.facts, video.facts().pack());
        doc.add_u64(self.views, video.views);
        doc.add_u64(self.digest, digest);
        self.add_keys(&mut doc, video);
        doc
    }

    fn add_keys(&self, doc: &mut TantivyDocument, video: &Document) {
        let key = folded(&video.title);
        for (at, c) in key.char_indices().take(LONGEST_START) {
            doc.add_text(self.start, &key[..at + c.len_utf8()]);
        }
        for name in &video.tag_names {
            doc.add_text(self.tag_key, format!("{}{KEY_END}{name}", folded(name)));
        }
    }
}
