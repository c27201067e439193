"""Write the thumbnails of the bundled clips, which the page shows: python assets/clips/thumbnails.py"""

from PIL import Image

from app.services.clips import FOLDER, THUMBNAIL_QUALITY, bundled, draw_thumbnail

if __name__ == "__main__":
    folder = FOLDER / "thumbnails"
    folder.mkdir(exist_ok=True)
    for name, clip in bundled().items():
        picture = Image.fromarray(draw_thumbnail(clip.path))
        picture.save(folder / f"{name}.jpg", quality=THUMBNAIL_QUALITY)
