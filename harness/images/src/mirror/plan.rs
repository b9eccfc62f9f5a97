//! What belongs to an image: found by reading its manifests, level by level.

use super::{PATIENCE, Run};
use crate::{
    error::ImageError,
    manifest::{Descriptor, Manifest},
    name::{Digest, ImageName},
    registry::{Referrers, Registry},
};
use futures::{FutureExt, future::try_join_all};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The tags, made from a digest, under which cosign keeps signatures, attestations and bills of materials.
const ATTACHED: [&str; 3] = [".sig", ".att", ".sbom"];

/// How deep indexes and attachments may be nested; honest ones are three levels deep.
const DEEPEST: usize = 16;

/// How many manifests an image may consist of.
const MOST: usize = 10_000;

/// Everything that has to be in the target in the end.
pub(super) struct Plan {
    /// The digest of the image.
    pub digest: Digest,
    /// The tag of the image, if it is asked for by one.
    pub tag: Option<String>,
    /// Every manifest, with its place in the whole.
    pub manifests: BTreeMap<Digest, Manifest>,
    /// What refers to what.
    pub referrers: Vec<(Digest, Referrers)>,
    /// The tags of what is attached.
    pub attached: Vec<(String, Digest)>,
    /// Children that are blobs, as build caches have them.
    children_that_are_blobs: HashSet<String>,
}

/// A blob that has to be in the target, or may be.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub blob: Descriptor,
    /// Whether it may be left out: it is elsewhere too.
    pub is_optional: bool,
}

/// Something to read.
enum Lead {
    Found(Manifest),
    Manifest(Digest),
    /// A child of an index whose type is not that of a manifest.
    Unclear(Descriptor),
}

/// A manifest, and what leads on from it.
struct Read {
    manifest: Manifest,
    referrers: Referrers,
    attached: Vec<(String, Manifest)>,
}

impl Plan {
    /// Reads the image from the source.
    pub async fn of(image: &ImageName, source: &Registry, run: &Run) -> Result<Self, ImageError> {
        let reader = Reader {
            source,
            repository: image.repository(),
            run,
        };
        let root = source.manifest(image, PATIENCE).await?;
        let mut plan = Self {
            digest: root.digest.clone(),
            tag: image.tag().map(str::to_owned),
            manifests: BTreeMap::new(),
            referrers: Vec::new(),
            attached: Vec::new(),
            children_that_are_blobs: HashSet::new(),
        };
        let mut seen = HashSet::from([root.digest.to_string()]);
        let mut leads = vec![Lead::Found(root)];
        let mut depth = 0;
        while !leads.is_empty() {
            depth += 1;
            if depth > DEEPEST || seen.len() > MOST {
                let reason = format!(
                    "it is nested more than {DEEPEST} levels deep, or has more than {MOST} manifests"
                );
                return Err(ImageError::malformed(image, reason));
            }
            let reads = leads
                .into_iter()
                .map(|lead| reader.follow(lead).boxed())
                .collect::<Vec<_>>();
            leads = Vec::new();
            for (unclear, read) in try_join_all(reads).await? {
                match read {
                    Some(read) => leads.extend(plan.add(read, &mut seen)?),
                    None => plan.children_that_are_blobs.extend(unclear),
                }
            }
        }
        Ok(plan)
    }

    /// Adds a manifest; what it leads to and was not seen before.
    fn add(&mut self, read: Read, seen: &mut HashSet<String>) -> Result<Vec<Lead>, ImageError> {
        let mut leads = Vec::new();
        for child in read.manifest.children.iter().flatten() {
            let digest = child.digest()?;
            if seen.insert(child.digest.clone()) {
                leads.push(match child.is_manifest() {
                    true => Lead::Manifest(digest),
                    false => Lead::Unclear(child.clone()),
                });
            }
        }
        for blob in read.manifest.blobs().chain(read.manifest.optional_blobs()) {
            blob.digest()?;
        }
        for digest in read.referrers.digests()? {
            if seen.insert(digest.to_string()) {
                leads.push(Lead::Manifest(digest));
            }
        }
        for (tag, manifest) in read.attached {
            self.attached.push((tag, manifest.digest.clone()));
            if seen.insert(manifest.digest.to_string()) {
                leads.push(Lead::Found(manifest));
            }
        }
        let digest = read.manifest.digest.clone();
        if !read.referrers.entries.is_empty() {
            self.referrers.push((digest.clone(), read.referrers));
        }
        self.manifests.insert(digest, read.manifest);
        Ok(leads)
    }

    /// The blobs of all manifests.
    pub fn blobs(&self) -> Vec<Wanted> {
        self.wanted(self.manifests.values())
    }

    /// The blobs of some manifests, each once.
    pub fn blobs_of(&self, manifests: &BTreeSet<Digest>) -> Vec<Wanted> {
        self.wanted(manifests.iter().filter_map(|digest| self.manifests.get(digest)))
    }

    fn wanted<'a>(&'a self, manifests: impl Iterator<Item = &'a Manifest>) -> Vec<Wanted> {
        let mut wanted = BTreeMap::new();
        let mut want = |blob: &Descriptor, is_optional| {
            let entry = wanted.entry(blob.digest.clone()).or_insert_with(|| Wanted {
                blob: blob.clone(),
                is_optional,
            });
            entry.is_optional &= is_optional;
        };
        for manifest in manifests {
            manifest.blobs().for_each(|blob| want(blob, false));
            manifest.optional_blobs().for_each(|blob| want(blob, true));
            let children = manifest.children.iter().flatten();
            children
                .filter(|child| self.children_that_are_blobs.contains(&child.digest))
                .for_each(|blob| want(blob, false));
        }
        wanted.into_values().collect()
    }

    /// Some manifests in the order in which they can be stored: none of a layer refers to another of the same or a later one.
    pub fn layers(&self, manifests: &BTreeSet<Digest>) -> Vec<Vec<&Manifest>> {
        let mut parents: HashMap<String, Vec<&Digest>> = HashMap::new();
        let mut waiting: BTreeMap<&Digest, usize> = BTreeMap::new();
        for digest in manifests {
            let children = self
                .manifests
                .get(digest)
                .and_then(|manifest| manifest.children.as_ref());
            let children = children.into_iter().flatten().map(|child| child.digest.clone());
            let children = children
                .filter(|child| {
                    child
                        .parse::<Digest>()
                        .is_ok_and(|child| manifests.contains(&child))
                })
                .collect::<BTreeSet<_>>();
            waiting.insert(digest, children.len());
            for child in children {
                parents.entry(child).or_default().push(digest);
            }
        }
        let mut layers = Vec::new();
        let mut ready = waiting
            .iter()
            .filter(|(_, children)| **children == 0)
            .map(|(digest, _)| *digest)
            .collect::<Vec<_>>();
        while !ready.is_empty() {
            layers.push(
                ready
                    .iter()
                    .filter_map(|digest| self.manifests.get(*digest))
                    .collect(),
            );
            let stored = std::mem::take(&mut ready);
            for parent in stored
                .iter()
                .filter_map(|digest| parents.get(&digest.to_string()))
                .flatten()
            {
                if let Some(children) = waiting.get_mut(parent) {
                    *children -= 1;
                    if *children == 0 {
                        ready.push(parent);
                    }
                }
            }
        }
        layers
    }
}

struct Reader<'a> {
    source: &'a Registry,
    repository: &'a str,
    run: &'a Run,
}

impl Reader<'_> {
    /// What a lead leads to. Of one that was unclear, the digest comes along; it is a blob if there is no manifest.
    async fn follow(&self, lead: Lead) -> Result<(Option<String>, Option<Read>), ImageError> {
        let _turn = self.run.turn().await;
        match lead {
            Lead::Found(manifest) => Ok((None, Some(self.read(manifest).await?))),
            Lead::Manifest(digest) => {
                let manifest = self
                    .source
                    .manifest_at(self.repository, &digest.to_string(), PATIENCE)
                    .await?;
                Ok((None, Some(self.read(manifest).await?)))
            }
            Lead::Unclear(child) => {
                let found = self
                    .source
                    .find_manifest(self.repository, &child.digest, PATIENCE)
                    .await?;
                match found {
                    Some(manifest) => Ok((None, Some(self.read(manifest).await?))),
                    None => Ok((Some(child.digest), None)),
                }
            }
        }
    }

    /// Finds what is attached to a manifest.
    async fn read(&self, manifest: Manifest) -> Result<Read, ImageError> {
        let digest = &manifest.digest;
        let tags = ATTACHED.map(|suffix| self.tagged(digest.tag(suffix)).boxed());
        let (referrers, attached) = futures::try_join!(
            self.source.referrers(self.repository, digest, PATIENCE),
            try_join_all(tags)
        )?;
        Ok(Read {
            referrers,
            attached: attached.into_iter().flatten().collect(),
            manifest,
        })
    }

    /// The manifest under a tag; most images have none of these, and it costs least to ask whether.
    async fn tagged(&self, tag: String) -> Result<Option<(String, Manifest)>, ImageError> {
        let announced = self
            .source
            .announced_digest(self.repository, &tag, PATIENCE)
            .await?;
        if announced.is_none() {
            return Ok(None);
        }
        let manifest = self.source.find_manifest(self.repository, &tag, PATIENCE).await?;
        Ok(manifest.map(|manifest| (tag, manifest)))
    }
}
