-- What is shown of one item: another picture in its place (a known answer's), or its cutout in the style that is asked
-- for, or the picture. An item without a box has no cutout; one whose cutouts were not made in a style shows the plain one.
CREATE FUNCTION voting_shown(the_item bigint, instead bigint, dim_boxes boolean, box_margin int) RETURNS TABLE (
    public_id varchar, width int, height int
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    item catalog_item;
BEGIN
    SELECT * INTO item FROM catalog_item WHERE id = the_item;
    IF instead IS NULL AND item.cutout_id IS NOT NULL THEN
        IF dim_boxes OR box_margin <> 0 THEN
            RETURN QUERY
            SELECT cutout.public_id, cutout.width, cutout.height FROM catalog_cutout cutout
            WHERE cutout.picture_id = item.picture_id AND cutout.dimmed = dim_boxes AND cutout.margin = box_margin
              AND (cutout.x1, cutout.y1, cutout.x2, cutout.y2) = (item.x1, item.y1, item.x2, item.y2);
            IF FOUND THEN
                RETURN;
            END IF;
        END IF;
        RETURN QUERY
        SELECT cutout.public_id, cutout.width, cutout.height FROM catalog_cutout cutout WHERE cutout.id = item.cutout_id;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT picture.public_id, picture.width, picture.height FROM catalog_picture picture
    WHERE picture.id = coalesce(instead, item.picture_id);
END $$;
