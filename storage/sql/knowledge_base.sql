-- The knowledge base. The sections in lower case belong to the writes that
-- knowledge_base.cpp lays out, and to the search.

-- name: kb_insert_document
INSERT INTO kb_documents (file_path, content, metadata, chunk_count)
VALUES (:file_path, :content, :metadata, :chunk_count)
RETURNING document;

-- name: kb_replace_document
INSERT INTO kb_documents (file_path, content, metadata, chunk_count)
VALUES (:file_path, :content, :metadata, :chunk_count)
ON CONFLICT (file_path) DO UPDATE SET
  content = excluded.content,
  metadata = excluded.metadata,
  chunk_count = excluded.chunk_count,
  updated_at = unixepoch()
RETURNING document;

-- name: kb_delete_chunks
DELETE FROM kb_chunks WHERE document = :document;

-- name: kb_insert_chunk
INSERT INTO kb_chunks (document, chunk_index, embedding, content)
VALUES (:document, :chunk_index, :embedding, :content);

-- name: KBDeleteDocument
DELETE FROM kb_documents WHERE file_path = :file_path;

-- name: KBGetDocument
SELECT file_path, content, metadata, chunk_count, created_at, updated_at
FROM kb_documents
WHERE file_path = :file_path;

-- name: KBListDocuments
SELECT
  file_path, metadata, content_bytes, chunk_count, created_at, updated_at
FROM kb_documents
ORDER BY file_path;

-- name: KBCountDocuments
SELECT count(*) FROM kb_documents;

-- name: kb_search_words
SELECT rowid FROM kb_chunks_fts
WHERE kb_chunks_fts MATCH :query
ORDER BY rank, rowid
LIMIT :limit;

-- name: kb_search_vectors
SELECT chunk, embedding FROM kb_chunks
WHERE embedding IS NOT NULL;

-- name: kb_search_hit
SELECT file_path, chunk_index, kb_chunks.content, metadata, :score AS score
FROM kb_chunks
JOIN kb_documents USING (document)
WHERE chunk = :id;
