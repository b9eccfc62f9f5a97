//! Which images a step means.

use crate::Located;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use std::fmt;

/// Images by their upstream names, and the word `platform` for all that the platform itself consists of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageSelection {
    /// Whether all images of the platform are meant.
    pub platform: bool,
    /// Single images by upstream name.
    pub names: Vec<Located<String>>,
}

const PLATFORM: &str = "platform";

impl<'de> Deserialize<'de> for ImageSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ImagesVisitor;

        impl<'de> Visitor<'de> for ImagesVisitor {
            type Value = ImageSelection;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of image names, or the word `platform`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ImageSelection, E> {
                if text != PLATFORM {
                    return Err(E::invalid_value(de::Unexpected::Str(text), &self));
                }
                Ok(ImageSelection {
                    platform: true,
                    names: Vec::new(),
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ImageSelection, A::Error> {
                let mut selection = ImageSelection::default();
                while let Some(name) = names.next_element::<Located<String>>()? {
                    if name.value == PLATFORM {
                        selection.platform = true;
                    } else {
                        selection.names.push(name);
                    }
                }
                if selection == ImageSelection::default() {
                    return Err(de::Error::invalid_length(0, &self));
                }
                Ok(selection)
            }
        }

        deserializer.deserialize_any(ImagesVisitor)
    }
}

impl fmt::Display for ImageSelection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let platform = self.platform.then_some("the images of the platform");
        let names: Vec<&str> = platform
            .into_iter()
            .chain(self.names.iter().map(|name| name.as_str()))
            .collect();
        formatter.write_str(&names.join(", "))
    }
}
